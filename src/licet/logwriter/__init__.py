"""The one process that commits records, and what the others need to reach it and to read its log."""

from licet.logwriter.client import LogClient
from licet.logwriter.process import database_path, socket_path
from licet.logwriter.reader import LogReader, Search, StoredRow, open_reader
from licet.logwriter.store import LogStore
from licet.logwriter.supervise import Supervisor, writer_command
from licet.logwriter.verify import verify_log

__all__ = [
    "LogClient",
    "LogReader",
    "LogStore",
    "Search",
    "StoredRow",
    "Supervisor",
    "database_path",
    "open_reader",
    "socket_path",
    "verify_log",
    "writer_command",
]
