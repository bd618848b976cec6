# Steps and waits on the durable API itself, as small as they can be. What was
# done before is in the state that the function is invoked with.
import hashlib
import http.client
import json
import os
import time
import urllib.parse
import uuid


class Suspend(BaseException):
    """The invocation is over: another one goes on from here."""


class Durable:
    def __init__(self, event):
        self.arn = event["DurableExecutionArn"]
        self.token = event["CheckpointToken"]
        self.count = 0
        self.operations = {}
        self.connection = http.client.HTTPConnection(
            urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL_LAMBDA"]).netloc)
        state = event["InitialExecutionState"]
        self.keep(state["Operations"])
        while state.get("NextMarker"):
            state = self.call("GET", "state?" + urllib.parse.urlencode(
                {"CheckpointToken": self.token, "Marker": state["NextMarker"]}))
            self.keep(state["Operations"])

    def keep(self, operations):
        for operation in operations:
            self.operations[operation["Id"]] = operation

    def input(self):
        """It may be on any page of the state."""
        execution = next(operation for operation in self.operations.values()
                         if operation["Type"] == "EXECUTION")
        return json.loads(execution["ExecutionDetails"]["InputPayload"])

    def call(self, method, what, body=None):
        path = "/2025-12-01/durable-executions/{}/{}".format(
            urllib.parse.quote(self.arn, safe=""), what)
        for attempt in range(3):
            time.sleep(attempt)
            try:
                self.connection.request(
                    method, path, json.dumps(body) if body else None)
                response = self.connection.getresponse()
                reply = response.read()
            except (OSError, http.client.HTTPException):
                self.connection.close()
                continue
            if response.status == 200:
                return json.loads(reply)
            if response.status != 429 and response.status < 500:
                break
        raise RuntimeError(f"{what} was refused")  # the invocation is retried

    def checkpoint(self, **update):
        reply = self.call("POST", "checkpoint", {
            "CheckpointToken": self.token,
            "ClientToken": str(uuid.uuid4()),  # a repeated call counts once
            "Updates": [update],
        })
        self.token = reply["CheckpointToken"]
        self.keep(reply["NewExecutionState"]["Operations"])

    def next_id(self):
        self.count += 1
        return hashlib.sha256(str(self.count).encode()).hexdigest()[:32]

    def step(self, name, function):
        own = {"Id": self.next_id(), "Name": name, "Type": "STEP"}
        before = self.operations.get(own["Id"], {})
        if before.get("Status") == "SUCCEEDED":
            return json.loads(before["StepDetails"]["Result"])
        if not before:
            self.checkpoint(Action="START", **own)
        result = function()
        self.checkpoint(Action="SUCCEED", Payload=json.dumps(result), **own)
        return result

    def wait(self, name, seconds):
        own = {"Id": self.next_id(), "Name": name, "Type": "WAIT"}
        before = self.operations.get(own["Id"], {})
        if not before:
            self.checkpoint(
                Action="START", WaitOptions={"WaitSeconds": seconds}, **own)
        if before.get("Status") != "SUCCEEDED":
            raise Suspend


def durable(function):
    def handler(event, context):
        run = Durable(event)
        try:
            result = function(run.input(), run)
        except Suspend:
            return {"Status": "PENDING"}
        return {"Status": "SUCCEEDED", "Result": json.dumps(result)}
    return handler
