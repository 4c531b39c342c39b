#!/usr/bin/env python3
"""What a running node does: deliveries, logins, reading.  usage:

    bench_mail.py --smtp HOST:PORT[,HOST:PORT] --imaps HOST:PORT --accounts FILE
                  [--messages N] [--clients N] [--logins N] [--read ADDRESS]

FILE has a line "address password" for each account.  Certificates are not
looked at.  Figures are for comparing one change
with another on one machine: clients, nodes and storage share its cores.
"""

import argparse
import imaplib
import smtplib
import ssl
import threading
import time

BODY = ("From: bench@example.net\r\nTo: you\r\nSubject: bench %d\r\n"
        "Message-ID: <%d.%d@example.net>\r\n\r\n" + ("x" * 70 + "\r\n") * 40)

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.check_hostname, CONTEXT.verify_mode = False, ssl.CERT_NONE


def place(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def side_by_side(n, work):
    """work(i) in n threads; seconds until the last is done."""
    wrong = []

    def run(i):
        try:
            work(i)
        except Exception as e:              # of any thread: told below
            wrong.append(e)

    began = time.monotonic()
    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if wrong:
        raise wrong[0]
    return time.monotonic() - began


def say(what, n, seconds):
    print("%-44s %8.0f /s   (%d in %.2f s)" % (what, n / seconds, n, seconds),
          flush=True)


def deliver(args, addresses, what):
    each = args.messages // args.clients

    def work(i):
        smtp = None
        for n in range(each):
            if n % 50 == 0:                 # below smtp.messages_per_session
                if smtp:
                    smtp.quit()
                smtp = smtplib.SMTP(*args.smtp[i % len(args.smtp)])
            smtp.sendmail("bench@example.net",
                          addresses[(i + n * args.clients) % len(addresses)],
                          BODY % (n, i, time.monotonic_ns()))
        smtp.quit()

    say(what, each * args.clients, side_by_side(args.clients, work))


def connect(args):
    return imaplib.IMAP4_SSL(*args.imaps, ssl_context=CONTEXT)


def logins(args, accounts, what, rounds):
    def work(i):
        for n in range(rounds):
            c = connect(args)
            c.login(*accounts[(i * rounds + n) % len(accounts)])
            c.logout()

    say(what, rounds * args.clients, side_by_side(args.clients, work))


def timed(what, call):
    began = time.monotonic()
    r = call()
    print("%-44s %8.1f ms" % (what, (time.monotonic() - began) * 1e3),
          flush=True)
    return r


def read(args, account):
    c = connect(args)
    imaplib._MAXLINE = 100000000
    c.login(*account)
    n = int(timed("SELECT, first", lambda: c.select("INBOX"))[1][0])
    timed("SELECT, again", lambda: c.select("INBOX"))
    print("messages: %d" % n)
    for what in ("FETCH 1:* (UID FLAGS)", "FETCH 1:1000 ENVELOPE",
                 "FETCH %d:* ENVELOPE" % max(1, n - 999),
                 "FETCH %d BODY.PEEK[]" % n, "SEARCH UNSEEN",
                 "SEARCH SUBJECT nothing-has-this", "STORE 1:* +FLAGS (\\Seen)",
                 "STORE 1:* -FLAGS (\\Seen)"):
        timed(what, lambda: c.xatom(*what.split(" ", 1)))
        c.untagged_responses.clear()
    c.logout()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--smtp", type=lambda s: [place(x) for x in s.split(",")])
    p.add_argument("--imaps", type=place)
    p.add_argument("--accounts", required=True)
    p.add_argument("--messages", type=int, default=1000)
    p.add_argument("--clients", type=int, default=10)
    p.add_argument("--logins", type=int, default=0)
    p.add_argument("--read")
    args = p.parse_args()
    with open(args.accounts) as f:
        accounts = [line.split() for line in f if line.strip()]
    addresses = [a for a, _ in accounts]
    if args.smtp:
        deliver(args, addresses[:1], "deliveries into one mailbox")
        deliver(args, addresses, "deliveries into %d mailboxes" % len(addresses))
    if args.imaps and args.logins:
        rounds = args.logins // args.clients
        logins(args, accounts, "logins, first and others", rounds)
        logins(args, accounts, "logins, known for a moment", rounds)
    if args.imaps and args.read:
        read(args, next(a for a in accounts if a[0] == args.read))


main()
