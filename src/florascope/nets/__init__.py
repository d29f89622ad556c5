"""Networks: backbone, head and classifier, their weights, graphs and files."""
