"""The public face: what `import florascope as fs` offers for training and looking at a run."""
