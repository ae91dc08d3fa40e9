"""Stands in for a Kubernetes cluster: validates resources strictly, and runs the Jobs' containers here, one after another.

    test.py validate FILE...       ends with 1 and says where, if one of the resources in it is not valid
    test.py kubectl ARGUMENTS...   the part of kubectl that submit.sh uses; STAND_IN_STATE is the folder of its state
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import kubernetes_validate
import yaml

# The oldest version with backoffLimitPerIndex and no gate before it, and the newest that is known.
VERSIONS = ["1.29", "1.37"]


def faults(resource):
    """Lists what is wrong with a resource: by the schemas, and by the API server's rules that are in no schema."""
    found = []
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(resource, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{version}: {'.'.join(map(str, error.path))}: {error.message}")
    if resource["kind"] == "Job" and not found:
        job, pod = resource["spec"], resource["spec"]["template"]["spec"]
        mounts = {mount["name"] for container in pod["containers"] for mount in container.get("volumeMounts", [])}
        longest = f"{resource['metadata']['name']}-{job['completions'] - 1}"
        rules = {
            "backoffLimitPerIndex needs an Indexed Job": job["completionMode"] == "Indexed",
            "podFailurePolicy needs restartPolicy: Never": pod["restartPolicy"] == "Never",
            "completions have to be from 1 to 100000": 1 <= job["completions"] <= 100_000,
            f"{longest} is no host name": re.fullmatch("[a-z0-9]([-a-z0-9]{,61}[a-z0-9])?", longest),
            "mounts that are no volumes": mounts == {volume["name"] for volume in pod["volumes"]},
        }
        found += [rule for rule, holds in rules.items() if not holds]
    return found


def resources(file):
    return [resource for resource in yaml.safe_load_all(Path(file).read_text()) if resource]


def checked(file):
    """Reads a file's resources, of which one at least has to be there; ends if one is not valid."""
    read = resources(file)
    wrong = [f"{file}: {fault}" for resource in read for fault in faults(resource)]
    if wrong or not read:
        sys.exit("\n".join(wrong or [f"{file}: is empty"]))
    return read


class Cluster:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, kind, name):
        return self.folder / f"{kind.lower()}-{name}.json"

    def load(self, kind, name):
        path = self.path(kind, name)
        if not path.exists():
            sys.exit(f"Error from server (NotFound): {kind} {name!r} not found")
        return json.loads(path.read_text())

    def create(self, resource):
        path = self.path(resource["kind"], resource["metadata"]["name"])
        if path.exists():
            sys.exit(f"Error from server (AlreadyExists): {path.stem}")
        path.write_text(json.dumps(resource))

    def delete(self, kind, name):
        self.path(kind, name).unlink(missing_ok=True)

    def run(self, job):
        """Runs all indexes of a Job to their ends, as its policies say, and keeps its state and its pods."""
        pods, failed = [], []
        for index in range(job["spec"]["completions"]):
            for tries in range(job["spec"]["backoffLimitPerIndex"] + 1):
                code, log = self.run_pod(job["spec"]["template"]["spec"], index)
                if code == 0:
                    break
                pods.append(pod_that_failed(index, code, log))
                if not may_pass(job, code):
                    break
            if code != 0:
                failed.append(index)
        job["status"] = {"failedIndexes": ",".join(map(str, failed))}
        job["status"]["ended"] = "Failed" if failed else "Complete"
        self.path("Job", job["metadata"]["name"]).write_text(json.dumps(job))
        self.path("Pods", job["metadata"]["name"]).write_text(json.dumps({"items": pods}))

    def run_pod(self, pod, index):
        """Runs a pod's container with nothing but what it would find in the cluster. Claims lie where they are mounted."""
        container = pod["containers"][0]
        command = container["command"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        with tempfile.TemporaryDirectory() as root:
            for mount in container["volumeMounts"]:
                volume = volumes[mount["name"]]
                if "configMap" not in volume:
                    assert Path(mount["mountPath"]).is_dir(), mount["mountPath"]
                    continue
                place = Path(root, mount["name"])
                place.mkdir()
                for key, text in self.load("ConfigMap", volume["configMap"]["name"])["data"].items():
                    (place / key).write_text(text)
                command = [word.replace(mount["mountPath"] + "/", f"{place}/") for word in command]
            environment = {"PATH": os.environ["PATH"], "JOB_COMPLETION_INDEX": str(index)}
            ended = subprocess.run(
                command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
            )
        print(ended.stdout, end="", file=sys.stderr)
        # As a container's runtime says it.
        code = ended.returncode if ended.returncode >= 0 else 128 - ended.returncode
        return code, ended.stdout


def may_pass(job, code):
    for rule in job["spec"]["podFailurePolicy"]["rules"]:
        if code in rule.get("onExitCodes", {}).get("values", []):
            return rule["action"] != "FailIndex"
    return True


def pod_that_failed(index, code, log):
    return {
        "metadata": {"annotations": {"batch.kubernetes.io/job-completion-index": str(index)}},
        "status": {"containerStatuses": [{"state": {"terminated": {"exitCode": code, "message": log[-2048:]}}}]},
    }


def jsonpath(template, value):
    """Fills what submit.sh uses of kubectl's templates: {.path}, {"text"}, {range .items[*]} and {end}."""
    whole = re.fullmatch(r"\{range \.items\[\*\]\}(.*)\{end\}", template, re.DOTALL)
    if whole:
        return "".join(jsonpath(whole[1], item) for item in value["items"])

    def part(match):
        if match[1].startswith('"'):
            return json.loads(match[1])
        found = value
        for key in re.findall(r"(?:\\.|[^.\[\]])+", match[1]):
            found = found[int(key)] if key.isdigit() else found[key.replace("\\.", ".")]
        return str(found)

    return re.sub(r"\{(.*?)\}", part, template)


def kubectl(arguments):
    cluster = Cluster(os.environ["STAND_IN_STATE"])
    options = dict(word.partition("=")[::2] for word in arguments if word.startswith("--"))
    words = [word for word in arguments if not word.startswith("--")]
    if words == ["delete"]:
        for resource in resources(options["--filename"]):
            cluster.delete(resource["kind"], resource["metadata"]["name"])
    elif words[:2] == ["delete", "configmap"]:
        cluster.delete("ConfigMap", words[2])
    elif words[:2] == ["create", "configmap"]:
        paths = [word.partition("=")[2] for word in arguments if word.startswith("--from-file=")]
        data = {Path(path).name: Path(path).read_text() for path in paths}
        cluster.create({"kind": "ConfigMap", "metadata": {"name": words[2]}, "data": data})
    elif words == ["create"]:
        for job in checked(options["--filename"]):
            cluster.create(job)
            cluster.run(job)
    elif words[0] == "wait":
        ended = cluster.load("Job", words[1].removeprefix("job/"))["status"]["ended"]
        if options["--for"] != f"condition={ended}":
            sys.exit("error: timed out waiting for the condition")
    elif words[:2] == ["get", "pods"]:
        name = options["--selector"].removeprefix("batch.kubernetes.io/job-name=")
        print(jsonpath(options["--output"].removeprefix("jsonpath="), cluster.load("Pods", name)), end="")
    else:
        assert words[0] == "get", arguments
        job = cluster.load("Job", words[1].removeprefix("job/"))
        print(jsonpath(options.get("--output", "jsonpath={.metadata.name}").removeprefix("jsonpath="), job), end="")


if __name__ == "__main__":
    if sys.argv[1] == "validate":
        for argument in sys.argv[2:]:
            checked(argument)
    else:
        kubectl(sys.argv[2:])
