#!/bin/sh
. "$(dirname "$0")/lib.sh"
refuse_older
halt "$unit"
rm -rf "$unit"
