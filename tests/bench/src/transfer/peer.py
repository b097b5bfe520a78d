"""boto3 at its fastest: nothing signed, nothing added up.

peer.py up|down|many ADDRESS BUCKET KEY FILE
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from boto3.s3.transfer import TransferConfig
from botocore import UNSIGNED
from botocore.config import Config

what, address, bucket, key, file = sys.argv[1:]
client = boto3.client(
    "s3",
    endpoint_url=address,
    region_name="us-east-1",
    config=Config(
        signature_version=UNSIGNED,
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        max_pool_connections=32,
    ),
)
transfer = TransferConfig(
    multipart_threshold=16 << 20,
    multipart_chunksize=16 << 20,
    max_concurrency=8,
    preferred_transfer_client="classic",
)
if what == "up":
    client.upload_file(file, bucket, key, Config=transfer)
elif what == "down":
    client.download_file(bucket, key, file, Config=transfer)
else:
    body = open(file, "rb").read()
    with ThreadPoolExecutor(16) as pool:
        put = lambda number: client.put_object(Bucket=bucket, Key=f"{key}/{number}", Body=body)
        list(pool.map(put, range(2000)))
