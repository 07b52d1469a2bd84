"""Database engines: by the dotted name of a backend, and by the scheme of a URL."""

from __future__ import annotations

import re

__all__ = ["POSTGRESQL", "backend_of_url", "family"]

POSTGRESQL = "postgresql"

# In this order: `spatialite` and `postgis` name no database themselves.
FAMILIES = (
    (
        re.compile(r"cockroach|redshift|mssql|sql_server|snowflake|clickhouse|mongo|djongo|db2|firebird|spanner"),
        "other",
    ),
    (re.compile(r"postg|psql|psycopg|timescale|tenant"), POSTGRESQL),
    (re.compile(r"mysql|mariadb|tidb"), "mysql"),
    (re.compile(r"sqlite|spatialite"), "sqlite"),
    (re.compile(r"oracle"), "oracle"),
)
# The schemes of dj-database-url and django-environ.
SCHEMES = {
    "postgres": "django.db.backends.postgresql",
    "postgresql": "django.db.backends.postgresql",
    "psql": "django.db.backends.postgresql",
    "pgsql": "django.db.backends.postgresql",
    "postgis": "django.contrib.gis.db.backends.postgis",
    "timescale": "timescale.db.backends.postgresql",
    "timescalegis": "timescale.db.backends.postgis",
    "mysql": "django.db.backends.mysql",
    "mysql2": "django.db.backends.mysql",
    "mysql-connector": "mysql.connector.django",
    "mysqlgis": "django.contrib.gis.db.backends.mysql",
    "sqlite": "django.db.backends.sqlite3",
    "spatialite": "django.contrib.gis.db.backends.spatialite",
    "oracle": "django.db.backends.oracle",
    "oraclegis": "django.contrib.gis.db.backends.oracle",
    "cockroach": "django_cockroachdb",
    "cockroachdb": "django_cockroachdb",
    "mssql": "mssql",
    "redshift": "django_redshift_backend",
}


def family(backend: str) -> str:
    """``postgresql``, ``mysql``, ``sqlite``, ``oracle`` or ``other`` for a backend; "" for a name that says nothing."""
    if not backend or "dummy" in backend:
        return ""
    for pattern, name in FAMILIES:
        if pattern.search(backend.lower()):
            return name
    return ""


def backend_of_url(url: str) -> str:
    """The backend that a database URL stands for, or ""."""
    scheme, colon, _ = url.partition(":")
    return SCHEMES.get(scheme.lower(), "") if colon else ""
