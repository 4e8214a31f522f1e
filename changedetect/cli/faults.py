"""What the operating system refuses is a fault of disk, rights or names, not of the program."""

import errno

from changedetect.errors import ChangeDetectError, InputError, ResourceError

_RESOURCES = {
    errno.ENOSPC: "the disk is full: make room, or choose another --out",
    errno.EDQUOT: "your share of the disk is used up: make room, or choose another --out",
    errno.EROFS: "this disk can only be read: choose another --out",
    errno.EACCES: "the right to read or write there is missing: get it, or choose another place",
    errno.EPERM: "the right to read or write there is missing: get it, or choose another place",
    errno.EIO: "the disk is failing: check it, then run the same command again",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n), or use fewer --workers",
    errno.ENFILE: "too many files are open on this machine: end other programs",
    errno.ENOMEM: "memory ran out: use --tile or --workers with smaller numbers",
    errno.EFBIG: "a file is larger than this disk or limit allows: choose another --out",
}
_INPUTS = {
    errno.ENOENT: "it is not there: check the name, or fetch it again",
    errno.EEXIST: "something of that name is in the way: choose another place",
    errno.EISDIR: "a folder stands where a file was expected: choose another name",
    errno.ENOTDIR: "a file stands where a folder was expected: choose another place",
    errno.ENOTEMPTY: "the folder is not empty: choose another place",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
    errno.EINVAL: "the name is not allowed there: choose another one",
    errno.ELOOP: "links lead in a circle: give the real place",
}


def explained(error: OSError) -> ChangeDetectError | None:
    """Turn what the operating system refused into an error of ours with advice.

    Parameters
    ----------
    error
        As it came.

    Returns
    -------
    ChangeDetectError or None
        `ResourceError` (exit 7) for disk, memory and rights, `InputError` (exit 4) for names and
        places; None where the system gives no reason that a user could mend.
    """
    if error.errno is None:
        return None
    kind = ResourceError if error.errno in _RESOURCES else InputError
    advice = (_RESOURCES | _INPUTS).get(error.errno)
    if advice is None:
        return None
    place = f"{error.filename}: " if error.filename else ""
    return kind(
        f"{place}{error.strerror}; {advice}; nothing finished is lost / 请检查路径、权限或磁盘空间"
    )
