"""The media types of games' files, by the end of their names and whatever is in them.

A table of our own: what a system's mime.types says differs from host to host, and browsers insist on some of these
(scripts, modules, styles, wasm while it streams, XML where a game parses it).
"""

from pathlib import PurePosixPath

UNKNOWN = "application/octet-stream"
_UTF8 = "; charset=utf-8"

CONTENT_TYPES = {
    # pages and code
    ".html": f"text/html{_UTF8}",
    ".htm": f"text/html{_UTF8}",
    ".js": f"text/javascript{_UTF8}",
    ".mjs": f"text/javascript{_UTF8}",
    ".cjs": f"text/javascript{_UTF8}",
    ".css": f"text/css{_UTF8}",
    ".wasm": "application/wasm",
    ".glsl": f"text/plain{_UTF8}",
    ".frag": f"text/plain{_UTF8}",
    ".vert": f"text/plain{_UTF8}",
    ".wgsl": f"text/plain{_UTF8}",
    ".lua": f"text/plain{_UTF8}",
    ".py": f"text/plain{_UTF8}",
    ".ts": f"text/plain{_UTF8}",
    # data
    ".json": "application/json",
    ".map": "application/json",
    ".ldtk": "application/json",
    ".tmj": "application/json",
    ".webmanifest": "application/manifest+json",
    ".xml": f"text/xml{_UTF8}",
    ".tmx": "application/xml",
    ".tsx": "application/xml",  # Tiled's tile sets
    ".txt": f"text/plain{_UTF8}",
    ".md": f"text/plain{_UTF8}",
    ".csv": f"text/csv{_UTF8}",
    ".yaml": f"text/plain{_UTF8}",
    ".yml": f"text/plain{_UTF8}",
    ".toml": f"text/plain{_UTF8}",
    ".ini": f"text/plain{_UTF8}",
    ".ink": f"text/plain{_UTF8}",
    ".atlas": f"text/plain{_UTF8}",
    ".fnt": f"text/plain{_UTF8}",
    ".bin": UNKNOWN,
    ".data": UNKNOWN,
    ".dat": UNKNOWN,
    ".pck": UNKNOWN,
    ".mem": UNKNOWN,
    ".unityweb": UNKNOWN,
    ".zip": "application/zip",
    ".swf": "application/x-shockwave-flash",
    # pictures and textures
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".apng": "image/apng",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".jxl": "image/jxl",
    ".bmp": "image/bmp",
    ".ico": "image/x-icon",
    ".cur": "image/x-icon",
    ".ktx": "image/ktx",
    ".ktx2": "image/ktx2",
    ".basis": UNKNOWN,
    ".dds": "image/vnd-ms.dds",
    ".hdr": "image/vnd.radiance",
    ".exr": "image/x-exr",
    # sound and film
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".aac": "audio/aac",
    ".weba": "audio/webm",
    ".mid": "audio/midi",
    ".midi": "audio/midi",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".webm": "video/webm",
    ".ogv": "video/ogg",
    ".mov": "video/quicktime",
    ".vtt": f"text/vtt{_UTF8}",
    # fonts
    ".woff2": "font/woff2",
    ".woff": "font/woff",
    ".ttf": "font/ttf",
    ".otf": "font/otf",
    # models
    ".gltf": "model/gltf+json",
    ".glb": "model/gltf-binary",
    ".obj": f"text/plain{_UTF8}",
    ".mtl": f"text/plain{_UTF8}",
    ".fbx": UNKNOWN,
    ".vrm": "model/gltf-binary",
}


def content_type(name: str) -> str:
    """The media type of a file of this name."""
    return CONTENT_TYPES.get(PurePosixPath(name).suffix.lower(), UNKNOWN)
