"""The workbench: a project of photos, mended, trained on and looked at in the browser."""
