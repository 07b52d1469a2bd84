"""The engine: what an expression holds, how that flows through a function, and where a queryset runs its SQL."""
