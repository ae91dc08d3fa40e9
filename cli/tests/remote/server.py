"""Amazon's S3 on this machine, with faults.

    scripts/with-packages.sh scripts/moto.txt cli/tests/remote/server.py

Prints its port, and ends when its standard input does. Each line that it reads there is a list of faults, in JSON, that replaces
those there were, and is answered with the number of requests since then:

    [{"fault": "unavailable", "method": "GET", "path": "/films/", "times": 3}]

A fault strikes the next requests with its method whose path has that in it. Once there are none, everything goes well.
"""

import io
import json
import os
import socket
import sys
import threading
import time

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

lock = threading.Lock()
faults = []
requests = 0


class QuietHandler(WSGIRequestHandler):
    # Connections are kept, as by the real one.
    protocol_version = "HTTP/1.1"

    def log_request(self, *_):
        pass


def next_fault(environ):
    """Takes the first fault that strikes a request."""
    global requests
    with lock:
        requests += 1
        for fault in faults:
            strikes = fault.get("method") in (None, environ["REQUEST_METHOD"]) and fault.get("path", "") in environ["PATH_INFO"]
            # The first byte is asked for to learn how many there are.
            strikes = strikes and not (fault.get("content") and environ.get("HTTP_RANGE") == "bytes=0-0")
            if strikes and fault["times"] > 0:
                fault["times"] -= 1
                return fault["fault"]
    return None


def cut(environ):
    """Ends the connection as a cable does that is pulled."""
    connection = environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def faulty(application):
    def serve(environ, start_response):
        fault = next_fault(environ)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if fault == "unavailable":
            environ["wsgi.input"].read(length)
            start_response("503 Slow Down", [("Content-Length", "0")])
            return []
        if fault == "forbidden":
            environ["wsgi.input"].read(length)
            start_response("403 Forbidden", [("Content-Length", "0")])
            return []
        if fault == "slow":
            time.sleep(1)
        if fault == "cut upload":
            environ["wsgi.input"].read(length // 2)
            cut(environ)
            return []
        if fault == "half stored":
            whole = environ["wsgi.input"].read(length)
            environ["wsgi.input"] = io.BytesIO(whole[: length // 2])
            environ["CONTENT_LENGTH"] = str(length // 2)
        # Who looks at what is stored has no key; moto asks for one, and checks none.
        environ.setdefault("HTTP_AUTHORIZATION", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request")
        if fault == "lost answer":
            b"".join(application(environ, lambda *_: None))
            cut(environ)
            return []
        if fault not in ("cut answer", "short answer"):
            return application(environ, start_response)
        answer = {}

        def keep(status, headers, *_):
            answer.update(status=status, headers=headers)

        body = b"".join(application(environ, keep))
        half = body[: len(body) // 2]
        if fault == "short answer":
            # As if that were all there is of it.
            answer["headers"] = [pair for pair in answer["headers"] if pair[0].lower() != "content-length"]
            answer["headers"].append(("Content-Length", str(len(half))))
        start_response(answer["status"], answer["headers"])

        def pieces():
            yield half
            if fault == "cut answer":
                cut(environ)

        return pieces()

    return serve


def main():
    global requests
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ.setdefault(name, "test")
    application = faulty(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=QuietHandler)
    # It complains of connections that are cut, as they are here.
    server.log = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.port, flush=True)
    for line in sys.stdin:
        with lock:
            faults[:] = json.loads(line)
            print(requests, flush=True)
            requests = 0
    os._exit(0)


main()
