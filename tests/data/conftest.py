import http.server
import threading

import pytest


@pytest.fixture
def serve(monkeypatch):
    """Serve on this machine: `serve({path: bytes or function of the handler})` gives the URL."""
    monkeypatch.setenv("no_proxy", "*")
    closing = threading.Event()
    servers = []

    def start(pages):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page = pages.get(self.path.removeprefix("/"))
                if page is None:
                    self.send_error(404)
                elif callable(page):
                    page(self)
                else:
                    self.send(page, len(page))

            def send(self, body, length):
                self.send_response(200)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(body)
                self.wfile.flush()

            def stall(self):
                closing.wait()

            def log_message(self, *arguments):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    closing.set()
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()
