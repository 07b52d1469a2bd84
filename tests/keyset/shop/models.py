"""A shop's tables: each kind of primary key, of field and of relation that a walk may meet."""

from __future__ import annotations

import uuid

import django
from django.db import models


class City(models.Model):
    name = models.CharField(max_length=40)

    class Meta:
        ordering = ("-name",)


class Author(models.Model):
    name = models.CharField(max_length=40)
    email = models.CharField(max_length=60, unique=True)
    city = models.ForeignKey(City, models.CASCADE, null=True)

    class Meta:
        ordering = ("name",)


class Tag(models.Model):
    name = models.CharField(max_length=40)


class Book(models.Model):
    title = models.CharField(max_length=80)
    author = models.ForeignKey(Author, models.CASCADE, null=True)
    tags = models.ManyToManyField(Tag)
    pages = models.IntegerField(default=0)
    price = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    blurb = models.TextField(default="")


class Novel(Book):
    """A child of multi-table inheritance: its primary key is a relation."""

    genre = models.CharField(max_length=40, null=True)

    class Meta:
        ordering = ("genre", "title")


class Card(models.Model):
    """A one-to-one relation as primary key."""

    author = models.OneToOneField(Author, models.CASCADE, primary_key=True)
    number = models.IntegerField(default=0)


class Chapter(models.Model):
    book = models.ForeignKey(Book, models.CASCADE, related_name="chapters")
    number = models.IntegerField()

    class Meta:
        order_with_respect_to = "book"
        constraints = (models.UniqueConstraint(fields=("book", "number"), name="chapter_numbers"),)


class Anything(models.Model):
    """One field of each type that can be sorted by, null or not."""

    integer = models.IntegerField(null=True)
    text = models.CharField(max_length=40, null=True)
    float = models.FloatField(null=True)
    decimal = models.DecimalField(max_digits=10, decimal_places=3, null=True)
    moment = models.DateTimeField(null=True)
    day = models.DateField(null=True)
    clock = models.TimeField(null=True)
    span = models.DurationField(null=True)
    token = models.UUIDField(null=True)
    flag = models.BooleanField(null=True)
    address = models.GenericIPAddressField(null=True)
    data = models.JSONField(null=True)
    long = models.TextField(null=True)
    sure = models.IntegerField(default=0)


class IntegerKey(models.Model):
    id = models.BigIntegerField(primary_key=True)


class TokenKey(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)


class TextKey(models.Model):
    id = models.CharField(max_length=60, primary_key=True)


class DayKey(models.Model):
    id = models.DateField(primary_key=True)


class MomentKey(models.Model):
    id = models.DateTimeField(primary_key=True)


class DecimalKey(models.Model):
    id = models.DecimalField(max_digits=9, decimal_places=3, primary_key=True)


if django.VERSION >= (5, 2):

    class Seat(models.Model):
        """A composite primary key."""

        pk = models.CompositePrimaryKey("hall_id", "row", "number")
        hall = models.ForeignKey(City, models.CASCADE)
        row = models.CharField(max_length=4)
        number = models.IntegerField()
        price = models.IntegerField(default=0)
