"""A TCP proxy that understands ONC RPC enough to spoil chosen NFSv3 calls.

    rpcproxy.py LISTEN PORT SERVER PORT [PROCEDURE:NTH:ACTION[:ARGUMENT]]...

NTH counts the calls of that procedure (a name of RFC 1813 in lower case, or
any) over all connections, from 1; 0 is every one.  Actions:

    close      executed; the connection is closed instead of the reply
    half       executed; half of the reply, then the connection is closed
    drop       executed; no reply ever
    garbage    executed; a reply to nobody's call instead
    error:N    executed; answered with status N all the same
    refuse:N   not executed, answered with status N
    denied     not executed, the RPC is rejected: AUTH_TOOWEAK
    delay:MS   the reply comes later
    verf       from here on the write verifier is another one

On SIGTERM it prints what it saw as one line of JSON and ends.
"""

import asyncio
import json
import signal
import struct
import sys

PROCS = ("null getattr setattr lookup access readlink read write create mkdir "
         "symlink mknod remove rmdir rename link readdir readdirplus fsstat "
         "fsinfo pathconf commit").split()
# What follows the status of a failure: post_op_attr, wcc_data, all empty.
FAILURE_BYTES = {"null": 0, "getattr": 0, "lookup": 4, "access": 4,
                 "readlink": 4, "read": 4, "readdir": 4, "readdirplus": 4,
                 "fsstat": 4, "fsinfo": 4, "pathconf": 4, "rename": 16,
                 "link": 12}
NFS_PROGRAM = 100003


class Rule:
    def __init__(self, text):
        parts = text.split(":")
        self.proc, self.nth, self.action = parts[0], int(parts[1]), parts[2]
        self.argument = int(parts[3]) if len(parts) > 3 else 0
        self.seen = 0

    def fires(self, proc):
        if self.proc not in (proc, "any"):
            return False
        self.seen += 1
        return self.nth in (0, self.seen)


class Proxy:
    def __init__(self, rules):
        self.rules = [Rule(r) for r in rules]
        self.other_verf = False
        self.seen = {"connections": 0, "max_calls": 0, "max_bytes": 0,
                     "fired": 0, "calls": {}}

    def rule(self, proc):
        fired = [r for r in self.rules if r.fires(proc)]
        self.seen["fired"] += len(fired)
        return fired[0] if fired else None


def message(body):
    return struct.pack(">I", 0x80000000 | len(body)) + body


def accepted(xid, results):
    return message(struct.pack(">IIIIII", xid, 1, 0, 0, 0, 0) + results)


def failure(xid, proc, status):
    return accepted(xid, struct.pack(">I", status) +
                    bytes(FAILURE_BYTES.get(proc, 8)))


async def record(reader):
    """One RPC message, its fragments joined."""
    body = b""
    while True:
        mark, = struct.unpack(">I", await reader.readexactly(4))
        body += await reader.readexactly(mark & 0x7fffffff)
        if mark & 0x80000000:
            return body


class Connection:
    def __init__(self, proxy, client, server):
        self.proxy = proxy
        self.client_r, self.client_w = client
        self.server_r, self.server_w = server
        self.pending = {}           # xid -> (proc, rule, bytes)
        self.held = set()

    def note(self):
        seen = self.proxy.seen
        seen["max_calls"] = max(seen["max_calls"], len(self.pending))
        seen["max_bytes"] = max(seen["max_bytes"],
                                sum(p[2] for p in self.pending.values()))

    async def calls(self):
        while True:
            body = await record(self.client_r)
            xid, _, _, program, _, number = struct.unpack(">6I", body[:24])
            proc = PROCS[number] if program == NFS_PROGRAM else "other"
            calls = self.proxy.seen["calls"]
            calls[proc] = calls.get(proc, 0) + 1
            rule = self.proxy.rule(proc)
            if rule is not None and rule.action == "refuse":
                self.client_w.write(failure(xid, proc, rule.argument))
                continue
            if rule is not None and rule.action == "denied":
                self.client_w.write(message(
                    struct.pack(">5I", xid, 1, 1, 1, 5)))
                continue
            # READ ends in its count; a WRITE carries its bytes
            size = struct.unpack(">I", body[-4:])[0] if proc == "read" \
                else len(body)
            self.pending[xid] = (proc, rule, size)
            self.note()
            self.server_w.write(message(body))

    async def replies(self):
        while True:
            body = await record(self.server_r)
            xid, = struct.unpack(">I", body[:4])
            proc, rule, _ = self.pending.get(xid, ("other", None, 0))
            if rule is None or rule.action != "delay":
                self.pending.pop(xid, None)     # else it is still waited for
            if rule is not None and rule.action == "verf":
                self.proxy.other_verf = True
            status, = struct.unpack(">I", body[24:28])
            if self.proxy.other_verf and proc in ("write", "commit") and \
               status == 0:
                body = body[:-8] + bytes(b ^ 0xff for b in body[-8:])
            if not await self.spoil(rule, xid, proc, body):
                return

    async def spoil(self, rule, xid, proc, body):
        """Send the reply, or what the rule wants; False ends the connection."""
        action = rule.action if rule is not None else "none"
        out = message(body)
        if action == "close":
            return False
        if action == "half":
            self.client_w.write(out[:len(out) // 2])
            await self.client_w.drain()
            # it shall have been read before the end is seen
            await asyncio.sleep(0.05)
            return False
        if action == "drop":
            return True
        if action == "garbage":
            out = message(struct.pack(">I", xid ^ 0x55555555) + body[4:])
        if action == "error":
            out = failure(xid, proc, rule.argument)
        if action == "delay":
            task = asyncio.ensure_future(self.later(rule.argument, xid, out))
            self.held.add(task)
            task.add_done_callback(self.held.discard)
            return True
        self.client_w.write(out)
        return True

    async def later(self, ms, xid, out):
        await asyncio.sleep(ms / 1000)
        self.pending.pop(xid, None)
        self.client_w.write(out)

    async def run(self):
        ways = [asyncio.ensure_future(self.calls()),
                asyncio.ensure_future(self.replies())]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for w in ways:
            w.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for w in (self.client_w, self.server_w):
            w.close()


async def main(listen, port, server, server_port, *rules):
    proxy = Proxy(rules)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    async def connected(reader, writer):
        proxy.seen["connections"] += 1
        try:
            there = await asyncio.open_connection(server, int(server_port))
        except OSError:
            writer.close()
            return
        try:
            await Connection(proxy, (reader, writer), there).run()
        except asyncio.CancelledError:
            pass                        # SIGTERM

    await asyncio.start_server(connected, listen, int(port))
    print("ready", flush=True)
    await stop.wait()
    print(json.dumps(proxy.seen), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
