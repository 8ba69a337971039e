"""Plots of experiments: curves, and pictures of many experiments. Data in, one description of a chart out.

The description is Vega-Lite: the browser draws it, vl-convert writes SVG, PNG and PDF of it, and the terminal
draws the same data. Only `plots_command` and `reading` look at the disk.
"""
