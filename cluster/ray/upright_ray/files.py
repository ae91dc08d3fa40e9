"""The few files that are read and written here. Whatever else a place is (a folder, a URL) is between its user and
`upright`."""

import os


def is_url(place):
    return "://" in place


def absolute(place):
    return place if is_url(place) else os.path.abspath(place)


def join(place, *names):
    return "/".join([place.rstrip("/"), *names])


def split(place):
    """Folder and name."""
    folder, _, name = place.rpartition("/")
    return folder, name


def _url_files():
    try:
        import fsspec
    except ImportError:
        raise OSError("files at URLs are read with fsspec, which is missing: pip install 'upright-ray[urls]'") from None
    return fsspec


def read(place):
    """Its bytes; None where it is not there."""
    try:
        if is_url(place):
            with _url_files().open(place, "rb") as file:
                return file.read()
        with open(place, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def write(place, contents):
    """In one go: a reader sees the old file or the new one."""
    if is_url(place):
        with _url_files().open(place, "wb") as file:
            file.write(contents)
        return
    make_folder_of(place)
    draft = f"{place}.{os.getpid()}.part"
    with open(draft, "wb") as file:
        file.write(contents)
    os.replace(draft, place)


def size(place):
    """Its bytes; None where it is not there."""
    try:
        if is_url(place):
            files, path = _url_files().core.url_to_fs(place)
            return files.size(path)
        return os.stat(place).st_size
    except (FileNotFoundError, NotADirectoryError):
        return None


def make_folder_of(place):
    if not is_url(place):
        os.makedirs(os.path.dirname(place), exist_ok=True)
