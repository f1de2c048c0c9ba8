"""A real Slurm on this machine alone, for tests."""

import contextlib
import os
import platform
import shutil
import signal
import subprocess
import time

PORTS = 26817, 26818
TEXT = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/none
CredType=cred/none
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmdSpoolDir={folder}/spool
StateSaveLocation={folder}/state
SlurmUser=root
SlurmdUser=root
SlurmctldLogFile={folder}/log/ctld.log
SlurmdLogFile={folder}/log/d.log
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
CommunicationParameters=NoCtldInAddrAny
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=60 State=UP
"""


def why_not():
    """Why no Slurm can be started here; '' if it can."""
    lacking = [name for name in ("slurmctld", "slurmd", "sbatch") if not which(name)]
    if lacking:
        return f"no {', '.join(lacking)}: apt-get install slurm-wlm"
    return "" if os.geteuid() == 0 else "Slurm's daemons need root here"


def which(name):
    return shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")


@contextlib.contextmanager
def one_slurm(folder):
    """Runs the daemons, and yields the environment that leads to them."""
    for name in ("state", "spool", "log"):
        (folder / name).mkdir(parents=True)
    host = platform.node().partition(".")[0]
    text = TEXT.format(folder=folder, host=host, ports=PORTS)
    (folder / "slurm.conf").write_text(text)
    env = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    daemons = [
        subprocess.Popen(
            [which(name), "-D"],
            env=env,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name in ("slurmctld", "slurmd")
    ]
    try:
        for _ in range(60):
            said = ask(env, "sinfo", "--noheader", "--format=%T")
            if said.strip() == "idle":
                break
            time.sleep(0.5)
        else:
            log = (folder / "log" / "ctld.log").read_text()
            raise RuntimeError(f"Slurm did not start: {said}\n{log[-2000:]}")
        yield env
    finally:
        for each in reversed(daemons):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(each.pid, signal.SIGTERM)
        for each in daemons:
            with contextlib.suppress(subprocess.TimeoutExpired):
                each.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(each.pid, signal.SIGKILL)


def ask(env, *words):
    """What a command of Slurm says."""
    done = subprocess.run(words, env=env, capture_output=True, text=True)
    return done.stdout + done.stderr
