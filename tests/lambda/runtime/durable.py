"""A durable function without an SDK, for the bootstrap of Python."""
import http.client
import json
import os
from urllib.parse import quote

ADDRESS = os.environ["AWS_LAMBDA_RUNTIME_API"]


def post(path, body):
    connection = http.client.HTTPConnection(ADDRESS)
    connection.request("POST", path, body)
    response = connection.getresponse()
    status, reply = response.status, response.read()
    connection.close()
    if status != 200:
        raise RuntimeError(f"{status} {reply}")
    return json.loads(reply)


class Execution:
    def __init__(self, event):
        self.path = ("/2025-12-01/durable-executions/" +
                     quote(event["DurableExecutionArn"], "") + "/checkpoint")
        self.token = event["CheckpointToken"]
        self.ended = {one["Id"] for one in
                      event["InitialExecutionState"]["Operations"]
                      if one["Status"] == "SUCCEEDED"}
        self.known = {one["Id"] for one in
                      event["InitialExecutionState"]["Operations"]}

    def checkpoint(self, **update):
        reply = post(self.path, json.dumps(
            {"CheckpointToken": self.token, "Updates": [update]}))
        self.token = reply["CheckpointToken"]

    def step(self, number, name):
        if number in self.ended:
            return
        if number not in self.known:
            self.checkpoint(Id=number, Type="STEP", Name=name, Action="START")
        post(f"/perdure/effects/{name}", "")
        self.checkpoint(Id=number, Type="STEP", Name=name, Action="SUCCEED",
                        Payload='"done"')

    def wait(self, number, seconds):
        if number not in self.known:
            self.checkpoint(Id=number, Type="WAIT", Name="pause",
                            Action="START",
                            WaitOptions={"WaitSeconds": seconds})
        return number in self.ended


def handler(event, context):
    execution = Execution(event)
    execution.step("1", "first")
    if not execution.wait("2", 86400):
        return {"Status": "PENDING"}
    execution.step("3", "second")
    return {"Status": "SUCCEEDED", "Result": '"both"'}
