"""Makes the slim service models beside this file from those of an installed botocore.

    python3 -m venv venv && venv/bin/pip install botocore && venv/bin/python make.py

Kept are the operations the emulated services have and every shape they reach, without prose.
"""

import gzip
import json
import pathlib

import botocore
import botocore.loaders

OPERATIONS = {
    "mediaconvert": [
        "CancelJob", "CreateJob", "CreateJobTemplate", "CreatePreset", "CreateQueue",
        "DeleteJobTemplate", "DeletePreset", "DeleteQueue", "DescribeEndpoints", "GetJob",
        "GetJobTemplate", "GetPreset", "GetQueue", "ListJobTemplates", "ListJobs", "ListPresets",
        "ListQueues", "ListTagsForResource", "Probe", "SearchJobs", "TagResource", "UntagResource",
        "UpdateJobTemplate", "UpdatePreset", "UpdateQueue",
    ],
    "rekognition": [
        "AssociateFaces", "CompareFaces", "CreateCollection", "CreateUser", "DeleteCollection",
        "DeleteFaces", "DeleteUser", "DescribeCollection", "DetectFaces", "DetectLabels",
        "DetectModerationLabels", "DetectText", "DisassociateFaces", "GetCelebrityInfo",
        "GetCelebrityRecognition", "GetContentModeration", "GetFaceDetection", "GetFaceSearch",
        "GetLabelDetection", "GetSegmentDetection", "GetTextDetection", "IndexFaces",
        "ListCollections", "ListFaces", "ListTagsForResource", "ListUsers",
        "RecognizeCelebrities", "SearchFaces", "SearchFacesByImage", "SearchUsers",
        "SearchUsersByImage", "StartCelebrityRecognition", "StartContentModeration",
        "StartFaceDetection", "StartFaceSearch", "StartLabelDetection", "StartSegmentDetection",
        "StartTextDetection", "TagResource", "UntagResource",
    ],
    "transcribe": [
        "CreateVocabulary", "DeleteTranscriptionJob", "DeleteVocabulary", "GetTranscriptionJob",
        "GetVocabulary", "ListTagsForResource", "ListTranscriptionJobs", "ListVocabularies",
        "StartTranscriptionJob", "TagResource", "UntagResource", "UpdateVocabulary",
    ],
    "glacier": [
        "AbortMultipartUpload", "AddTagsToVault", "CompleteMultipartUpload", "CreateVault",
        "DeleteArchive", "DeleteVault", "DescribeJob", "DescribeVault", "GetJobOutput",
        "InitiateJob", "InitiateMultipartUpload", "ListJobs", "ListMultipartUploads", "ListParts",
        "ListTagsForVault", "ListVaults", "RemoveTagsFromVault", "UploadArchive",
        "UploadMultipartPart",
    ],
}

PROSE = {"documentation", "documentationUrl", "deprecatedMessage", "deprecated", "sensitive"}


def bare(value):
    """The value without prose. Members may be called like prose, so their names are kept."""
    if isinstance(value, list):
        return [bare(item) for item in value]
    if not isinstance(value, dict):
        return value
    slim = {}
    for name, item in value.items():
        if name == "members":
            slim[name] = {member: bare(shape) for member, shape in item.items()}
        elif name not in PROSE:
            slim[name] = bare(item)
    return slim


def references(shape):
    yield from (member["shape"] for member in shape.get("members", {}).values())
    yield from (shape[part]["shape"] for part in ("member", "key", "value") if part in shape)


def slim(model, operations):
    kept = {name: bare(model["operations"][name]) for name in operations}
    wanted = []
    for operation in kept.values():
        wanted += [operation[part]["shape"] for part in ("input", "output") if part in operation]
        wanted += [error["shape"] for error in operation.get("errors", [])]
    shapes = {}
    while wanted:
        name = wanted.pop()
        if name not in shapes:
            shapes[name] = bare(model["shapes"][name])
            wanted += references(shapes[name])
    return {
        "metadata": bare(model["metadata"]),
        "operations": kept,
        "shapes": dict(sorted(shapes.items())),
    }


def main():
    here = pathlib.Path(__file__).parent
    loader = botocore.loaders.Loader()
    for service, operations in OPERATIONS.items():
        model = slim(loader.load_service_model(service, "service-2"), operations)
        text = json.dumps(model, separators=(",", ":")).encode()
        packed = gzip.compress(text, 9, mtime=0)
        (here / f"{service}.json.gz").write_bytes(packed)
        print(f"{service}: {len(operations)} operations, {len(model['shapes'])} shapes, "
              f"{len(packed)} bytes")
    print(f"from botocore {botocore.__version__}")


if __name__ == "__main__":
    main()
