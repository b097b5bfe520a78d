"""Creates a CloudFormation stack on an endpoint and prints its outputs as a JSON object.

    python tests/fakes/stack.py --endpoint http://127.0.0.1:4566 \
        --template emam-aws/deploy/emam.yaml --name emam --parameter IsEmulated=true

Ends with 1, and the stack's failed events on the error stream, where the stack is not created.
"""

import argparse
import json
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError


def main() -> int:
    arguments = read_arguments()
    client = boto3.client(
        "cloudformation",
        endpoint_url=arguments.endpoint,
        region_name=arguments.region,
        # An emulator takes any; without a pair the client refuses to sign.
        aws_access_key_id=arguments.access_key,
        aws_secret_access_key=arguments.secret_key,
        config=Config(retries={"max_attempts": 2}, connect_timeout=5, read_timeout=60),
    )
    with open(arguments.template, encoding="utf-8") as file:
        template = file.read()
    try:
        client.create_stack(
            StackName=arguments.name,
            TemplateBody=template,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in arguments.parameter
            ],
            Capabilities=["CAPABILITY_IAM"],
        )
        status, reason, outputs = wait(client, arguments.name, arguments.timeout)
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        print(f"the stack was not created: {error}", file=sys.stderr)
        return 1
    if status != "CREATE_COMPLETE":
        print(f"the stack was not created: {status}: {reason}", file=sys.stderr)
        for line in failures(client, arguments.name):
            print(line, file=sys.stderr)
        return 1
    if arguments.buckets_at:
        try:
            make_buckets(arguments, outputs)
        except (BotoCoreError, ClientError) as error:
            print(f"its buckets were not made: {error}", file=sys.stderr)
            return 1
    print(json.dumps(outputs, indent=2))
    return 0


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", required=True, help="the address of CloudFormation")
    parser.add_argument("--template", required=True, help="the template's file")
    parser.add_argument("--name", required=True, help="the stack's name")
    parser.add_argument("--parameter", action="append", default=[], type=pair, metavar="KEY=VALUE")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--access-key", default="test")
    parser.add_argument("--secret-key", default="test")
    parser.add_argument(
        "--buckets-at", metavar="URL", help="an S3 elsewhere on which to make its buckets too"
    )
    parser.add_argument("--timeout", default=120.0, type=float, help="in seconds")
    return parser.parse_args()


def pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not (key and separator):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def make_buckets(arguments: argparse.Namespace, outputs: dict[str, str]) -> None:
    """An emulator of CloudFormation makes the buckets in its own S3, and nowhere else."""
    s3 = boto3.client(
        "s3",
        endpoint_url=arguments.buckets_at,
        region_name=arguments.region,
        aws_access_key_id=arguments.access_key,
        aws_secret_access_key=arguments.secret_key,
        config=Config(s3={"addressing_style": "path"}),
    )
    for bucket in json.loads(outputs["Settings"])["buckets"].values():
        s3.create_bucket(Bucket=bucket["name"])


def wait(client, name: str, timeout: float) -> tuple[str, str, dict[str, str]]:
    """The stack's final status, the reason of it and its outputs."""
    end = time.monotonic() + timeout
    while True:
        stack = client.describe_stacks(StackName=name)["Stacks"][0]
        status = stack["StackStatus"]
        # A failed creation is still rolled back, and says why only while it is.
        if not status.endswith("IN_PROGRESS") or time.monotonic() > end:
            outputs = {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}
            return status, stack.get("StackStatusReason", "no reason given"), outputs
        time.sleep(0.2)


def failures(client, name: str) -> list[str]:
    pages = client.get_paginator("describe_stack_events").paginate(StackName=name)
    events = [event for page in pages for event in page["StackEvents"]]
    return [
        f"{event['LogicalResourceId']} ({event.get('ResourceType', '')}): "
        f"{event['ResourceStatus']}: {event.get('ResourceStatusReason', '')}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("FAILED")
    ]


if __name__ == "__main__":
    sys.exit(main())
