#!/bin/sh
# Writes the root file system of a base image into out/NAME: the runtime that this machine has, with the libraries it loads. Nothing is downloaded.
#   base.sh dotnet    .NET and ASP.NET Core
#   base.sh python    Python and its own library
# A team would name a base of a registry instead, pinned by digest.
set -eu
name=$1
root=$PWD/out/$name
rm -rf "$root"
mkdir -p "$root/usr/bin"

# The shared libraries that these files load, each at its own path: there the loader finds them.
libraries() {
  find "$@" -type f \( -perm -u+x -o -name '*.so*' \) -exec ldd {} \; 2> /dev/null |
    sed -n 's/.*=> \(\/[^ ]*\) (.*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' | sort -u |
    while read -r library; do
      mkdir -p "$root$(dirname "$library")"
      [ -e "$root$library" ] || cp -L "$library" "$root$library"
    done
}

case $name in
  dotnet)
    runtime=$(dotnet --list-runtimes | sed -n 's/^Microsoft.NETCore.App \(10\.[^ ]*\) \[\(.*\)\]$/\2\/\1/p' | tail -1)
    aspnet=$(dotnet --list-runtimes | sed -n 's/^Microsoft.AspNetCore.App \(10\.[^ ]*\) \[\(.*\)\]$/\2\/\1/p' | tail -1)
    [ -d "$runtime" ] && [ -d "$aspnet" ] || { echo "the .NET 10 runtimes are not here: see dotnet --list-runtimes" >&2; exit 1; }
    from=$(dirname "$(dirname "$(dirname "$runtime")")")
    to=$root/usr/lib/dotnet
    mkdir -p "$to/shared/Microsoft.NETCore.App" "$to/shared/Microsoft.AspNetCore.App"
    cp -L "$from/dotnet" "$to/"
    cp -rL "$from/host" "$to/"
    cp -rL "$runtime" "$to/shared/Microsoft.NETCore.App/"
    cp -rL "$aspnet" "$to/shared/Microsoft.AspNetCore.App/"
    # For debuggers and tracers only.
    rm -f "$to"/shared/*/*/libmscor*.so "$to"/shared/*/*/libcoreclrtraceptprovider.so "$to"/shared/*/*/createdump
    ln -s ../lib/dotnet/dotnet "$root/usr/bin/dotnet"
    libraries "$to"
    ;;
  python)
    eval "$(python3 -c 'import os, sys, sysconfig; library = sysconfig.get_path("stdlib"); print(f"program={os.path.realpath(sys.executable)!r} library={library!r}")')"
    mkdir -p "$root$(dirname "$program")" "$root$library"
    cp -L "$program" "$root$program"
    tar -C "$library" -ch --exclude=__pycache__ --exclude=./site-packages --exclude=./dist-packages --exclude=./test --exclude=./idlelib --exclude=./tkinter --exclude=./turtledemo \
      --exclude=./ensurepip --exclude=./lib2to3 --exclude='./config-*' --exclude='_tkinter*' --exclude='_test*' . | tar -C "$root$library" -x
    [ -e "$root/usr/bin/python3" ] || ln -s "../..$program" "$root/usr/bin/python3"
    libraries "$root$program" "$root$library/lib-dynload"
    ;;
  *)
    echo "base.sh dotnet, or base.sh python" >&2
    exit 1
    ;;
esac
