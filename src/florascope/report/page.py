"""tmp"""


def report_html(e, progress=None):
    return "<html></html>"
