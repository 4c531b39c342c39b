"""Clients with other addresses than loopback: a balancer says so (PROXY)."""

BALANCER = "127.0.0.9"
PROXY = 'proxy = { "%s" }' % BALANCER
MX = "192.0.2.1"            # mx.example.net
NAMELESS = "192.0.2.66"

# what names and policies the tests' strangers have
ZONES = {
    "example.net": """
@       MX 10 mx
@       TXT "v=spf1 mx -all"
mx      A 192.0.2.1
mx      TXT "v=spf1 a -all"
_dmarc  TXT "v=DMARC1; p=reject"
""",
    "quarantine.example": """
@       A 192.0.2.1
@       TXT "v=spf1 a -all"
_dmarc  TXT "v=DMARC1; p=quarantine"
""",
    "none.example": """
@       A 192.0.2.1
@       TXT "v=spf1 a -all"
_dmarc  TXT "v=DMARC1; p=none"
""",
    "nomail.example": "@ MX 0 .\n",
    "2.0.192.in-addr.arpa": "1 PTR mx.example.net.\n2 PTR mx.example.net.\n",
}


def proxied(peer):
    """How connect() is told that this is the client."""
    return {"proxy": ("PROXY TCP4 %s 203.0.113.25 40000 25\r\n" % peer).encode(),
            "source": BALANCER}
