"""Tests of the forms in which spans hold calls of models, one module for each."""
