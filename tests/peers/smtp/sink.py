"""A recording SMTP server for tests.

Every message that it takes becomes one JSON line of the log, flushed before the message is answered, so that what
the log holds is what a recipient would have got. Rules (a JSON file) answer some recipients otherwise:

    [{"stage": "rcpt", "recipient": "*@busy.example", "answer": "451 4.7.1 try again later", "times": 2}]

stage      rcpt (the recipient), data (the message, not recorded) or recorded (the message, recorded all the same)
recipient  a pattern with * and ?, in lower case
answer     what to say instead of 250, or "hang up" to say nothing and close the connection
times      how often per recipient; always if absent
"""

import argparse
import asyncio
import collections
import fnmatch
import json
import signal
import ssl
import sys
import time
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser

from aiosmtpd.smtp import SMTP, AuthResult

HEADERS = BytesHeaderParser()


def text(value):
    """A header's value without folding and encoded words."""
    value = str(value).replace("\r\n", "").replace("\n", "")
    return str(make_header(decode_header(value))) if "=?" in value else value


class Sink:
    def __init__(self, options, rules):
        self.log = open(options.log, "a", encoding="utf-8", buffering=1 << 20)
        self.keep_bodies = options.keep_bodies
        self.delay = options.delay_ms / 1000
        self.rules = rules
        self.used = collections.Counter()

    def rule(self, stage, recipients):
        for recipient in recipients:
            for number, rule in enumerate(self.rules):
                if rule["stage"] != stage or not fnmatch.fnmatchcase(recipient.lower(), rule["recipient"]):
                    continue
                key = (number, recipient.lower())
                if rule.get("times") is not None and self.used[key] >= rule["times"]:
                    continue
                self.used[key] += 1
                return rule["answer"]
        return None

    @staticmethod
    def say(server, answer):
        if answer == "hang up":
            server.transport.abort()
            return "421 4.4.2 closing"
        return answer

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        answer = self.rule("rcpt", [address])
        if answer:
            return self.say(server, answer)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.delay:
            await asyncio.sleep(self.delay)
        answer = self.rule("data", envelope.rcpt_tos)
        if answer:
            return self.say(server, answer)
        self.record(session, envelope)
        answer = self.rule("recorded", envelope.rcpt_tos)
        return self.say(server, answer) if answer else "250 2.0.0 OK"

    def record(self, session, envelope):
        headers = HEADERS.parsebytes(envelope.content)
        line = {
            "at": time.time_ns() // 1_000_000,
            "message_id": headers.get("Message-ID"),
            "from": envelope.mail_from,
            "rcpt": envelope.rcpt_tos,
            "size": len(envelope.content),
            "tls": session.ssl is not None,
            "user": session.auth_data,
            "headers": [[name, text(value)] for name, value in headers.items()],
        }
        if self.keep_bodies:
            line["source"] = envelope.content.decode("utf-8", "replace")
        self.log.write(json.dumps(line) + "\n")
        self.log.flush()


def authenticator(expected):
    def check(server, session, envelope, mechanism, data):
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == expected, handled=given == expected, auth_data=given[0])

    return check


async def serve(options):
    rules = json.load(open(options.rules, encoding="utf-8")) if options.rules else []
    sink = Sink(options, rules)
    settings = {"hostname": "sink.example", "enable_SMTPUTF8": True, "data_size_limit": 50_000_000, "timeout": 600}
    if options.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.certificate, options.key)
        settings.update(tls_context=context, require_starttls=True)
    if options.login:
        login, _, password = options.login.partition(":")
        settings.update(
            authenticator=authenticator((login, password)),
            auth_required=True,
            auth_require_tls=bool(options.certificate),
        )
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(sink, loop=loop, **settings), "127.0.0.1", options.port, backlog=1000
    )
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    print("ready", flush=True)
    await ended.wait()
    server.close()
    sink.log.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", required=True, help="the file that gets a JSON line per message")
    parser.add_argument("--rules", help="a JSON file of answers by recipient")
    parser.add_argument("--delay-ms", type=int, default=0, help="how long each message takes")
    parser.add_argument("--keep-bodies", action="store_true", help="the whole message goes into the log")
    parser.add_argument("--certificate", help="PEM; STARTTLS is then required")
    parser.add_argument("--key", help="PEM")
    parser.add_argument("--login", help="NAME:PASSWORD; signing in is then required")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
