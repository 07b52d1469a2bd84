"""Models of every kind that the shop has none of: proxies, children, swapped ones, views, tables that are not there."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from reports.models import Event


class Account(AbstractBaseUser):
    """Stands in the place of ``auth.User``."""

    name = models.CharField(max_length=20, unique=True)
    USERNAME_FIELD = "name"


class Publication(models.Model):
    title = models.CharField(max_length=20)


class Magazine(Publication):
    issue = models.IntegerField()


class LoudEvent(Event):
    class Meta:
        proxy = True


class Visit(models.Model):
    """In partitions, on PostgreSQL."""

    day = models.IntegerField()

    class Meta:
        managed = False


class Aside(models.Model):
    """In another schema of the search path, on PostgreSQL."""

    class Meta:
        managed = False


class Huge(models.Model):
    """More rows than are ever counted, and no statistics."""

    class Meta:
        managed = False


class Summary(models.Model):
    """A view."""

    class Meta:
        managed = False


class Lost(models.Model):
    """There is no such table."""

    class Meta:
        managed = False
