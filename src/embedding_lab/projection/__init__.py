"""Vectors of many dimensions come in; maps in two or three, neighbours, and measures of trust go out."""
