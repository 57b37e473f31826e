"""A config and what agents do -> WATCH's Faust app: how it reads, and when it checkpoints and lets go."""

import faust
from faust.auth import OAuthCredentials
from faust.streams import Stream
from faust.types import TP
from faust.types.auth import CredentialsT

from schemas.config import Config
from streams.shell.clients import BEATS, FETCH_BYTES, access, topic, watch_group
from streams.shell.exits import Fuse
from streams.shell.gather_agent import Gather
from streams.shell.watch_agent import Watch


class _App(faust.App):
    async def on_first_start(self) -> None:
        """Make no folders for tables: there are none."""


def _credentials(config: Config) -> CredentialsT | None:
    """Say in Faust's words how its clients and the brokers know each other; it hands them on to aiokafka."""
    said = access(config)
    context, mechanism = said["ssl_context"], said.get("sasl_mechanism")
    if mechanism is None:
        return None if context is None else faust.SSLCredentials(context)
    if mechanism == "OAUTHBEARER":
        return OAuthCredentials(oauth_cb=said["sasl_oauth_token_provider"], ssl_context=context)
    return faust.SASLCredentials(
        username=said["sasl_plain_username"], password=said["sasl_plain_password"], mechanism=mechanism,
        ssl_context=context,
    )  # fmt: skip


def build(config: Config, watch: Watch, gather: Gather, fuse: Fuse) -> faust.App:
    """Make the Faust app that feeds `watch`, and says who runs `gather`: the owner of the first partition."""
    session_s = config.kafka.session_timeout_s
    app = _App(
        watch_group(config),
        broker=[f"kafka://{address}" for address in config.kafka.bootstrap.split(",")],
        broker_credentials=_credentials(config),
        broker_client_id=config.worker.name,
        consumer_group_instance_id=config.worker.name,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=FETCH_BYTES,
        broker_session_timeout=session_s,
        broker_heartbeat_interval=session_s / BEATS,
        broker_request_timeout=max(config.kafka.request_timeout_s, session_s + 1),  # Faust refuses it below the session
        broker_commit_interval=1.0,
        producer_acks=-1,
        stream_wait_empty=False,  # it would wait for events that only our checkpoint gives back
        stream_recovery_delay=0.0,
        store="memory://",
        table_standby_replicas=0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
    )
    tallies = topic(config, "tallies")

    async def agent(stream: Stream[bytes]) -> None:
        await fuse.guard(watch.run(stream.noack().events()))

    async def keep() -> None:
        await fuse.guard(watch.checkpoint())

    async def snapshot() -> None:
        await fuse.guard(watch.snapshot())

    async def release(*_: object, **__: object) -> None:
        await fuse.guard(watch.release())
        await fuse.guard(gather.release())

    async def own(_: object, assigned: set[TP], **__: object) -> None:
        owned = [tp.partition for tp in assigned if tp.topic == tallies]
        watch.own(owned)
        gather.own(owned)

    app.agent(app.topic(tallies, key_serializer="raw", value_serializer="raw"), name="watch")(agent)  # type: ignore[arg-type]  # Faust's StreamT lacks noack
    app.timer(config.watch.checkpoint_every_s)(keep)
    app.timer(config.watch.checkpoint_every_s)(snapshot)
    app.on_partitions_revoked.connect(release)
    app.on_partitions_assigned.connect(own)  # type: ignore[arg-type]  # what it is sent has no type
    app.on_before_shutdown.connect(release)
    return app
