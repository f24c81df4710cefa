import sys

try:
    import flash_attn
except ImportError:
    flash_attn = None

try:
    import orjson as json
except ModuleNotFoundError:
    import json

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if sys.platform == "win32":
    import winreg

    import pywintypes

__all__ = ["flash_attn", "json", "tomllib"]
