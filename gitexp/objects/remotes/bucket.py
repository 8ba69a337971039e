"""Object stores in the cloud as remotes: an upload is there as a whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gitexp.objects.hashing import OnBytes
from gitexp.objects.remotes import server
from gitexp.objects.remotes.remote import CHEAPLY
from gitexp.objects.remotes.server import ServerRemote, callback


class S3Remote(ServerRemote):
    """Amazon S3, and other servers with its protocol. botocore finds the credentials."""

    package, class_name = "s3fs", "S3FileSystem"
    stale_after = CHEAPLY

    def _opened(self) -> Any:
        opened = super()._opened()
        opened.retries = 1  # the caller tries four times already
        return opened

    def _arguments(self) -> Mapping[str, Any]:
        options = self._at.options
        region = {"region_name": options["region"]} if "region" in options else {}
        return {
            "endpoint_url": options.get("endpoint_url"),
            "profile": options.get("profile"),
            "client_kwargs": region,
            "config_kwargs": {
                "connect_timeout": server.CONNECT,
                "read_timeout": server.PATIENCE,
                "max_pool_connections": 2 * self.jobs,
                "retries": {"max_attempts": 1},
            },
            "max_concurrency": 2,
            "use_listings_cache": False,
        }

    def renew(self, hash_: str) -> None:
        path = self._path(hash_)
        with self._translated():  # a copy onto itself is refused if it changes nothing
            self._fs().cp_file(path, path, MetadataDirective="REPLACE")


class GsRemote(ServerRemote):
    """Google Cloud Storage."""

    package, class_name = "gcsfs", "GCSFileSystem"

    def _arguments(self) -> Mapping[str, Any]:
        return {"use_listings_cache": False, **self._at.options}


class AzureRemote(ServerRemote):
    """Azure Blob Storage."""

    package, class_name = "adlfs", "AzureBlobFileSystem"

    def _arguments(self) -> Mapping[str, Any]:
        return {"use_listings_cache": False, "anon": False, **self._at.options}

    def _upload(self, source: Path, path: str, on_bytes: OnBytes) -> None:
        self._fs().put_file(str(source), path, callback=callback(on_bytes), overwrite=True)
