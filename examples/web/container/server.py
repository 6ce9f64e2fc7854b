"""A plain HTTP server that knows nothing of Tars.

It listens where the configuration made by tarscli says, and answers every GET
with a line of text. On SIGTERM it finishes what it is doing and ends.
"""

import http.server
import re
import signal
import socket
import sys
import threading


def endpoint(conf, servant):
    """Host and port of the servant's endpoint in a Tars configuration."""
    with open(conf, encoding="utf-8") as f:
        text = f.read()
    block = re.search(rf"<{re.escape(servant)}Adapter>(.*?)</", text, re.S).group(1)
    words = re.search(r"endpoint=(.*)", block).group(1).split()
    options = dict(zip(words[1::2], words[2::2]))
    return options["-h"], int(options["-p"])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = f"hello from {self.server.server_name}, path {self.path}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # requests that are under way are finished

    def server_bind(self):
        # Not HTTPServer's, which would look its own name up in the DNS.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = self.server_address[:2]


class ServerIPv6(Server):
    address_family = socket.AF_INET6


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: server.py /tars/conf/WebServer.conf")
    host, port = endpoint(sys.argv[1], "Demo.WebServer.WebObj")
    server = (ServerIPv6 if ":" in host else Server)((host, port), Handler)

    def stop(*_):
        # shutdown waits for serve_forever, which this thread runs.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    print(f"listening on {host} port {port}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main()
