"""chart_schemas.py OUT VERSIONS FOLDERS...: writes what kubeconform checks against, one file for each kind, to OUT.

Kubernetes's own kinds come from the package kubernetes-validate, by version (v1.37.0,...); custom resources from the
definitions below the folders, as strict as the API server with field validation."""

import json
import pathlib
import sys

import kubernetes_validate
import yaml

# Where the two projects keep what is released.
PLACES = ("config/crd/standard", "example/prometheus-operator-crd")

# YAML 1.1 takes a lone = for a value of its own.
yaml.SafeLoader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: node.value)


def strict(schema):
    """Refuses fields that the definition does not name, as the API server would drop them."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    is_object = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    if is_object and "additionalProperties" not in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        closed["additionalProperties"] = False
    return closed


def own_kinds(version, out):
    """Each file without its address on the web, so that references lead to the file beside it."""
    folder = pathlib.Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"{version}-local-strict"
    (out / version).mkdir()
    for path in folder.glob("*.json"):
        schema = json.loads(path.read_text().replace('"/api/_definitions.json#', '"_definitions.json#'))
        schema.pop("$id", None)
        (out / version / path.name).write_text(json.dumps(schema))


def custom_kinds(folder, out):
    written = 0
    for path in sorted(path for place in PLACES for path in (folder / place).glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if not document or document["kind"] != "CustomResourceDefinition":
                continue
            spec = document["spec"]
            for version in spec["versions"]:
                schema = strict(version["schema"]["openAPIV3Schema"])
                # The API server's own part.
                schema["properties"]["metadata"] = {"type": "object"}
                group = spec["group"].split(".")[0]
                name = f"{spec['names']['kind'].lower()}-{group}-{version['name']}.json"
                (out / name).write_text(json.dumps(schema))
                written += 1
    if not written:
        sys.exit(f"no definition found below {folder}")


def main(out, versions, *folders):
    for version in versions.split(","):
        own_kinds(version, pathlib.Path(out))
    for folder in folders:
        custom_kinds(pathlib.Path(folder), pathlib.Path(out))


main(*sys.argv[1:])
