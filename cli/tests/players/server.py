"""A web server of a package, as CDNs are: byte ranges, and any page may ask; and of the keys of one that is encrypted."""

import base64
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".mp4": "video/mp4",
    ".vtt": "text/vtt; charset=utf-8",
    ".m4s": "video/iso.segment",
}


class Server:
    """Serves the files of folders under /NAME/, and whoever asks for a licence gets keys, given in hexadecimal digits by their
    ids. On the loopback interface, until it is closed."""

    def __init__(self, folders, keys):
        self.folders = folders
        self.keys = keys
        self.missing = []
        handler = type("Handler", (Handler,), {"site": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def find(self, path):
        name, _, rest = path.split("?")[0].lstrip("/").partition("/")
        file = self.folders.get(name, self.folders["page"]) / rest
        return file if name in self.folders and file.is_file() else None

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def plain(digits):
    """Base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(bytes.fromhex(digits)).decode().rstrip("=")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            # Players go away in the middle of what they asked for.
            pass

    def log_message(self, *_):
        pass

    def do_OPTIONS(self):
        self.begin(204, {"Access-Control-Allow-Headers": "Range"}, 0)

    def do_POST(self):
        """A licence of the Clear Key system: a JSON Web Key Set (W3C, Encrypted Media Extensions, 9.1.4)."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        # All of them: hls.js asks for one key alone.
        keys = [{"kty": "oct", "kid": plain(key), "k": plain(value)} for key, value in self.site.keys.items()]
        data = json.dumps({"keys": keys, "type": asked["type"]}).encode()
        self.begin(200, {"Content-Type": "application/json"}, len(data))
        self.wfile.write(data)

    def do_GET(self):
        file = self.site.find(self.path)
        if not file:
            self.site.missing.append(self.path)
            self.begin(404, {}, 0)
            return
        data = file.read_bytes()
        headers = {"Content-Type": TYPES.get(file.suffix, "application/octet-stream"), "Accept-Ranges": "bytes"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked:
            first, last = int(asked[1]), min(int(asked[2] or len(data)), len(data) - 1)
            if first > last:
                self.begin(416, {"Content-Range": f"bytes */{len(data)}"}, 0)
                return
            headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
            data = data[first : last + 1]
        self.begin(206 if asked else 200, headers, len(data))
        self.wfile.write(data)

    def begin(self, status, headers, length):
        self.send_response(status)
        common = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Content-Range, Content-Length"}
        for name, value in {**common, **headers, "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()
