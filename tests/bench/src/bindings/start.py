"""What it costs to begin: `start.py emam|boto3 LIBRARY`."""

import json
import resource
import sys
import time

what, library = sys.argv[1:]
begun = time.process_time()
if what == "emam":
    import emam

    lib = emam.open(library)
else:
    import boto3

    boto3.client("s3", "eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
cpu = time.process_time() - begun
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
print(json.dumps({"cpu_s": cpu, "peak_mb": peak}))
if what == "emam":
    lib.close()
