"""Multipart forms that are wrong in some way; a dice decides how."""

import random

BOUNDARY = b"florascope"
NOISE = 2000  # bytes where a photo belongs
KINDS = (
    "multipart/form-data; boundary=florascope",
    'multipart/form-data; boundary="florascope"',
    "multipart/form-data; boundary=another",
    "multipart/form-data; boundary=",
    "multipart/form-data",
    "multipart/form-data; boundary*=utf-8''%ff%fe",
    "multipart/form-data; boundary=" + "x" * 300,
    "multipart/form-data; charset=none; boundary=florascope; boundary=x",
    "MULTIPART/Form-Data; boundary=florascope;;;",
)
WORDS = (
    *(b"\r\n", b"\n", b"--", b"--florascope", b"--florascope--", b"\0", b"\xff\xfe", b";", b'"'),
    *(b"Content-Disposition: form-data", b'; name="photo"', b'; filename="x.jpg"', b"; name*=x"),
    *(b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: nonsense\r\n"),
    *(b"Content-Type: multipart/mixed; boundary=florascope\r\n", b"X: " + b"y" * 5000),
)


def malformed(dice: random.Random) -> tuple[str, bytes]:
    """Return a content type and a body in which there is no photo, whatever is made of them."""
    head = b'Content-Disposition: form-data; name="photo"; filename="photo.jpg"\r\n'
    photo = b"\xff\xd8\xff" + dice.randbytes(dice.randrange(NOISE))
    part = b"--" + BOUNDARY + b"\r\n" + head + b"Content-Type: image/jpeg\r\n\r\n" + photo + b"\r\n"
    body = bytearray(part * dice.randint(1, 3) + b"--" + BOUNDARY + b"--\r\n")
    for _ in range(dice.randint(0, 6)):
        _damage(body, dice)
    return dice.choice(KINDS), bytes(body)


def _damage(body: bytearray, dice: random.Random) -> None:
    """Change a byte, cut a piece out, put a word in, or end early; mostly near the headers."""
    at = dice.randrange(min(len(body), dice.choice((150, len(body)))) or 1)
    way = dice.randrange(4)
    if way == 0 and body:
        body[at] = dice.randrange(256)
    elif way == 1:
        del body[at : at + dice.randint(1, 40)]
    elif way == 2:
        body[at:at] = dice.choice(WORDS)
    elif dice.random() < 0.3:
        del body[at:]
