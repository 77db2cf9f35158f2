"""The pure core: bytes and events in, decisions and state out. No I/O, no clock, no chance.

The ladder, lowest first; a module imports only from those before it:

    limits → ids → canonical → event → person → wire → policy → effect → causality → voter → replica → roll
                                                 wire → device_log, admission
"""
