"""Machines that are processes: what they serve, how they misbehave when they are told to, and how they end."""

from __future__ import annotations

import http.client
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.servers.images import base_images
from rehearsal.servers.process import ProcessMachines
from rehearsal.servers.server import Faults, parse_env, server_env
from tests.rehearsal.boto3_stack import GENERATION, until, user_data

SERVER = "i-0123456789abcdef0"
IMAGE = "ami-0123456789abcdef0"


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[ProcessMachines]:
    made = ProcessMachines(tmp_path)
    try:
        yield made
    finally:
        made.close()


def boot(machines: ProcessMachines, *, fault: str = "", image: str = IMAGE) -> None:
    machines.start(instance_id=SERVER, image_id=image, user_data=user_data(fault=fault))


def get(machines: ProcessMachines, path: str, *, method: str = "GET") -> Any:
    """The server's answer, its body read into `.text`; waits until the server listens."""
    address = machines.address(instance_id=SERVER, port=8080)
    assert address is not None

    def attempt() -> Any:
        connection = http.client.HTTPConnection(*address, timeout=30)
        try:
            connection.request(method, path)
            response: Any = connection.getresponse()
            response.text = response.read().decode()
            return response
        except ConnectionError:
            return None
        finally:
            connection.close()

    answer = until(attempt, what=f"an answer from {path}")
    assert answer is not None
    return answer


def test_server_has_the_apps_routes_and_says_which_generation_it_is(machines: ProcessMachines) -> None:
    boot(machines)
    health, page = get(machines, "/health?x=1"), get(machines, "/")
    assert (health.status, health.text) == (200, "ok")
    assert page.status == 200 and GENERATION in page.text
    assert {r.getheader("X-Phoenix-Generation") for r in (health, page)} == {GENERATION}
    assert {r.getheader("X-Phoenix-Color") for r in (health, page)} == {"green"}
    assert get(machines, "/nowhere").status == 404
    assert get(machines, "/", method="HEAD").text == ""


@pytest.mark.parametrize(
    ("fault", "health", "page"),
    [("answers-500", 500, 500), ("fails-smoke", 200, 500), ("errors=1", 200, 500), ("errors=0", 200, 200)],
)
def test_fault_that_answers_wrongly(machines: ProcessMachines, fault: str, health: int, page: int) -> None:
    boot(machines, fault=fault)
    assert (get(machines, "/health").status, get(machines, "/").status) == (health, page)


def test_fault_of_another_generation(machines: ProcessMachines) -> None:
    boot(machines, fault="wrong-generation")
    assert get(machines, "/").getheader("X-Phoenix-Generation") not in (GENERATION, None)


def test_fault_that_never_answers(machines: ProcessMachines) -> None:
    boot(machines, fault="never-answers")
    address = machines.address(instance_id=SERVER, port=8080)
    assert address is not None
    until(lambda: "listens" in machines.console(instance_id=SERVER), what="listening")
    with socket.create_connection(address) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_fault_that_kills_the_server_after_a_while(machines: ProcessMachines) -> None:
    boot(machines, fault="dies-after=0.2")
    until(lambda: machines.pid(instance_id=SERVER) is None, what="dead")
    assert "dying on purpose" in machines.console(instance_id=SERVER)


def test_slow_boot_refuses_connections_first(machines: ProcessMachines) -> None:
    boot(machines, fault="slow-boot=3600")
    until(lambda: "booting for 3600" in machines.console(instance_id=SERVER), what="booting")
    address = machines.address(instance_id=SERVER, port=8080)
    assert address is not None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_faults_can_be_given_to_an_image(machines: ProcessMachines) -> None:
    machines.faults[IMAGE] = "fails-smoke"
    boot(machines)
    assert get(machines, "/").status == 500


def test_some_instances_can_be_spared_a_fault(machines: ProcessMachines) -> None:
    machines.faults[IMAGE], machines.spared = "fails-smoke", lambda instance: instance == SERVER
    boot(machines)
    assert get(machines, "/").status == 200


def test_a_server_may_fail_under_load_only_and_never_for_who_previews() -> None:
    faults = Faults("errors-above=2")
    bearable = [faults.breaks("/", production=True, now=second / 2) for second in range(40)]
    crowded = [faults.breaks("/", production=True, now=20 + tenth / 10) for tenth in range(40)]
    assert not any(bearable)
    assert crowded[-1]
    assert not faults.breaks("/", production=False, now=24)
    assert not faults.breaks("/health", production=True, now=24)


def test_a_server_may_die_of_its_first_request_of_production(machines: ProcessMachines) -> None:
    boot(machines, fault="dies-live=0.1")
    assert get(machines, "/health").status == 200
    assert get(machines, "/").status == 200
    until(lambda: machines.pid(instance_id=SERVER) is None, what="dead")


def test_address_is_that_of_the_servers_own_port_only(machines: ProcessMachines) -> None:
    boot(machines)
    assert machines.address(instance_id=SERVER, port=9090) is None
    assert machines.address(instance_id="i-unknown", port=8080) is None


def test_vendors_base_image_has_no_app(machines: ProcessMachines) -> None:
    boot(machines, image=base_images.IMAGES[0].id)
    assert machines.address(instance_id=SERVER, port=8080) is None
    assert "no app in it" in machines.console(instance_id=SERVER)


def test_user_data_that_cannot_be_read_is_on_the_console(machines: ProcessMachines) -> None:
    machines.start(instance_id=SERVER, image_id=IMAGE, user_data="#cloud-config\n{broken")
    assert "cloud-init: user data can't be read" in machines.console(instance_id=SERVER)


def test_terminated_machine_ends_by_itself_and_its_console_stays(machines: ProcessMachines) -> None:
    boot(machines)
    get(machines, "/")
    pid = machines.pid(instance_id=SERVER)
    assert pid is not None
    machines.terminate(instance_id=SERVER)

    def gone() -> bool:
        machines.tick()
        return not Path(f"/proc/{pid}").exists() if Path("/proc/self").exists() else not alive(pid)

    until(gone, what="the process gone")
    assert "requests in flight end first" in machines.console(instance_id=SERVER)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_stopped_machine_can_start_again(machines: ProcessMachines) -> None:
    boot(machines)
    get(machines, "/")
    machines.stop(instance_id=SERVER)
    assert machines.address(instance_id=SERVER, port=8080) is None
    boot(machines)
    assert get(machines, "/").status == 200


def test_server_env_is_read_as_systemd_reads_it() -> None:
    text = 'A=1\nB="two words \\"quoted\\" \\$HOME \\\\"\n# C=3\nD=\'single\'\nE=\nbroken line\n'
    assert parse_env(text) == {"A": "1", "B": 'two words "quoted" $HOME \\', "D": "single", "E": ""}


def test_user_data_of_another_kind_writes_no_server_env() -> None:
    assert server_env("#!/bin/sh\necho hello\n") == {}
    assert server_env('#cloud-config\n{"write_files": [{"path": "/etc/motd", "content": "A=1"}]}') == {}
