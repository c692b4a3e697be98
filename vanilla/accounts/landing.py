"""Where to go on to after signing in."""

from urllib.parse import urlsplit

LONGEST = 2000  # characters
_NO_PAGES = ("/auth/", "/api/", "/admin/api/")


def local_path(address: str | None) -> str:
    """`address` if it is a page on this very site that may be opened after sign-in, else `/`.

    Browsers read `//host` and `/\\host` as another site, and drop tabs and line breaks before they look.
    """
    if not address or len(address) > LONGEST or not address.startswith("/") or address.startswith("//"):
        return "/"
    if "\\" in address or not address.isprintable():
        return "/"
    path = urlsplit(address).path
    is_no_page = path == "/login" or (path != "/api/docs" and path.startswith(_NO_PAGES))
    return "/" if is_no_page else address
