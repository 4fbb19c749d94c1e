"""The one process that commits records, and what the others need to reach it and to read its log."""

from licet.logwriter.carry import chain_path, prepare_log
from licet.logwriter.client import LogClient
from licet.logwriter.command import writer_program
from licet.logwriter.export import export_tiles
from licet.logwriter.keys import LogKeys, keys_path, make_log_keys, policy_path, read_log_keys, write_log_keys
from licet.logwriter.opened import opened_value
from licet.logwriter.parts import ConfirmedLog
from licet.logwriter.process import database_path, now_s, socket_path
from licet.logwriter.reader import LogReader, open_reader, witnessed_path
from licet.logwriter.rotation import begin_log_rotation, end_log_rotation
from licet.logwriter.rows import Due, Search, StoredRow
from licet.logwriter.store import LogStore
from licet.logwriter.vault import read_record_key, ready_record_key, record_key_path
from licet.logwriter.verify import verify_log, verify_tiles

__all__ = [
    "ConfirmedLog",
    "Due",
    "LogClient",
    "LogKeys",
    "LogReader",
    "LogStore",
    "Search",
    "StoredRow",
    "begin_log_rotation",
    "chain_path",
    "database_path",
    "end_log_rotation",
    "export_tiles",
    "keys_path",
    "make_log_keys",
    "now_s",
    "open_reader",
    "opened_value",
    "policy_path",
    "prepare_log",
    "read_log_keys",
    "read_record_key",
    "ready_record_key",
    "record_key_path",
    "socket_path",
    "verify_log",
    "verify_tiles",
    "witnessed_path",
    "write_log_keys",
    "writer_program",
]
