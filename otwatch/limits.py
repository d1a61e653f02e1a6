"""Every cap of otwatch in one place. Each has a default, a reason, and a counter that says how often it was hit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Caps on state. Hitting one loses detail, never correctness of what is shown: what was forgotten is counted under the field's name."""

    batch_packets: int = 16_384  # packets per batch: enough that what is done once per batch costs little, few enough for the cache
    capture_block_bytes: int = 16_777_216  # one pcap record or pcapng block; larger is a corrupt file (Wireshark's bound for blocks, too)
    capture_interfaces: int = 65_536  # interfaces described by one pcapng file
    capture_problems: int = 100  # places in a file listed with their offset; all are counted
    addresses: int = 1_000_000  # interned IP addresses: a /12 scanned whole fits; when few are left, those that nothing names make room
    flows: int = 65_536  # live flows; a plant has thousands, a flood more: the oldest make room
    flows_unanswered: int = 8_192  # flows opened since one of a few packets of one side makes room: a scan or flood of ever new flows
    flow_idle_tcp_ns: int = 3_600_000_000_000  # OT sessions are quiet for minutes, seldom for an hour
    flow_idle_udp_ns: int = 300_000_000_000
    fragments: int = 4_096  # IP datagrams in reassembly
    fragment_bytes: int = 65_535
    fragment_total_bytes: int = 16_777_216  # of all datagrams in reassembly, their bookkeeping included
    fragment_timeout_ns: int = 120_000_000_000  # RFC 1122 section 3.3.2: receivers wait 60 to 120 s (Linux only 30)
    fragment_readings: int = 8  # ways in which a datagram of contradicting fragments is read
    duplicate_window_ns: int = 20_000_000  # a mirrored copy follows within microseconds to milliseconds; a TCP retransmission after 200 ms
    duplicate_ring: int = 4_096  # recent packets compared for duplicates
    tunnel_depth: int = 8  # layers of encapsulation unwrapped
    tunnel_flows: int = 4_096  # conversations that their first messages showed to be a tunnel that is not read
    stream_pending_bytes: int = 262_144  # bytes of one direction waiting for the rest of a PDU or for a lost segment
    stream_pending_total_bytes: int = 67_108_864
    stream_gap_ns: int = 1_000_000_000  # how long a missing segment is waited for when nobody acknowledged it
    stream_history_bytes: int = 2_048  # delivered bytes kept per direction to compare retransmissions with
    stream_history_total_bytes: int = 16_777_216  # beyond that, of all directions: up to 64 kB of one that its receiver has not acknowledged
    streams: int = 4_096  # flows with reassembly state: a plant has hundreds; each takes some 4 kB
    heads: int = 16_384  # connections whose beginning is read for identities and administration; others are not read for it
    protocol_violations: int = 8  # wrong PDUs in a row before a flow is detached from its protocol
    disorder_ns: int = 20_000_000  # how far answers on UDP may be captured before their requests: queues of a network card, merged captures
    early_answers: int = 4_096  # answers of one protocol that were captured first and wait for their requests
    outstanding_requests: int = 64  # requests of one flow waiting for their response
    application_fragment_bytes: int = 65_536  # a DNP3 or COTP message reassembled from several PDUs
    items_per_pdu: int = 512  # rows from one PDU: object headers, variable items
    monitored_items: int = 65_536  # OPC UA client handles whose node is known, of all subscriptions; notifications of others are counted only
    program_blocks_bytes: int = 4_194_304  # bytes of one program block reassembled for its hash
    behaviours: int = 200_000  # distinct (who, whom, what); beyond it addresses within the device are merged
    pairs: int = 20_000  # (who, whom) in behaviours and all that is made of them; beyond it further sources count as one
    pairs_unanswered: int = 4_096  # of them, those of whom packets were seen one way only: spoofed senders; a one-way tap shows hundreds
    places_read: int = 32_768  # behaviours of one pair that change nothing; beyond it addresses within the device are merged, but of writes
    cip_connections: int = 16_384  # connections of CIP followed: an I/O scanner has hundreds
    names_bytes: int = 16_777_216  # of names of objects (tags, items), 64 a name for its number: a hundred thousand tags
    named_kinds: int = 32_768  # kinds of operations whose names are kept for an export: some 40 MB; beyond it they are made again
    anomalies_kept: int = 100_000  # rows kept for export; all are counted
    anomalies_kept_of_kind: int = 5_000  # of them, those of one kind: a flood of one must not take the room of the others
    assets: int = 20_000  # a plant has hundreds; a quarter more for those who are answered
    assets_unanswered: int = 4_096  # of them, those without an answer: a scan, or spoofed senders, end here; half more with PDUs
    facts_per_asset: int = 256
    facts: int = 200_000  # of all assets: messages name addresses, and one that lies names millions; a plant has some thousands
    acts_per_asset: int = 64  # things done to a host (a file written to it, a service created on it) that its sheet lists; rules see all of them
    macs_per_asset: int = 16  # MACs, and VLANs, that one address showed: a pair of redundant routers has two or three
    conversations: int = 50_000  # beyond it, a quarter more for those that are answered, all clients of one server count as one
    conversations_unanswered: int = 8_192  # of them, those without an answer; half more with PDUs
    alerts: int = 10_000  # open alerts; the least severe and oldest are closed first
    alerts_per_rule: int = 500  # open alerts of one rule; what more sources do is reported as one: a flood is one thing
    alert_frames: int = 16  # frame numbers kept per alert
    burst_quiet_ns: int = 600_000_000_000  # what comes after a longer quiet gap is another burst of the alert, reported again
    incident_quiet_ns: int = 86_400_000_000_000  # an incident without a burst for so long has ended; what comes then is a new one
    text_characters: int = 256  # of one string from the wire
