"""What a run takes of its machine: CPU, memory, disk, network and GPUs, see docs/watch.md.

Two packages of others are used, psutil and nvidia-ml-py, each by one module, and imported only once a run
has gone on for a moment.
"""
