"""What an authenticator shows."""

import subprocess
import time


def code_of(secret, ahead=0):
    return subprocess.run(
        ["oathtool", "--totp", "--base32", secret, "--now",
         time.strftime("%Y-%m-%d %H:%M:%S UTC",
                       time.gmtime(time.time() + ahead))],
        check=True, capture_output=True, text=True).stdout.strip()
