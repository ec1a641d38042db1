using System.Security.Cryptography;
using Laptime.Fingerprints;

namespace Laptime.Tests.Fingerprints;

public sealed class Sha256Tests
{
    [Fact]
    public void Digests_are_those_of_the_base_library_whatever_the_length_and_the_pieces()
    {
        var random = new Random(7);
        using var hash = new Sha256();
        foreach (var length in (int[])[0, 1, 55, 56, 63, 64, 65, 119, 120, 4096, 100_003])
        {
            var content = new byte[length];
            random.NextBytes(content);
            var expected = Digest.From(SHA256.HashData(content));
            Assert.Equal(expected, Digest.Of(content));
            for (var at = 0; at < length;)
            {
                var piece = Math.Min(length - at, random.Next(1, 5000));
                hash.Append(content.AsSpan(at, piece));
                at += piece;
            }

            Assert.Equal(expected, hash.Finish());
        }
    }

    [Fact]
    public void A_fingerprint_is_the_same_whether_its_files_were_scanned_or_written_out()
    {
        InputFile[] files =
        [
            new("a/ä.txt", InputKind.File, Digest.Of("one"), 3, 1), new("a/b", InputKind.Executable, Digest.Of("two"), 3, 2), new("c", InputKind.Link, Digest.Of("three"), 5, 3),
        ];
        Array.Sort(files, (x, y) => string.CompareOrdinal(x.Path, y.Path));
        var scanned = Fingerprinter.Compute(files, new FingerprintInputs { Component = "app" });
        var written = ComponentFingerprint.Of("app", [.. scanned.Parts.Reverse()]);
        Assert.Equal(written.Value, scanned.Value);
        Assert.Equal(written.Parts, scanned.Parts);
        Assert.Equal(files.Select(f => f.Path), scanned.FileNames());
        Assert.True(FingerprintDiff.Between(written, scanned).IsEmpty);
        Assert.Equal(FingerprintRecord.ToBytes(written), FingerprintRecord.ToBytes(scanned));

        var other = Fingerprinter.Compute([files[0], files[1] with { Content = Digest.Of("other") }], new FingerprintInputs { Component = "app" });
        var diff = FingerprintDiff.Between(written, other);
        Assert.Equal([files[1].Path], diff.Changed.Select(c => c.New.Name));
        Assert.Equal([files[2].Path], diff.Removed.Select(p => p.Name));
    }
}
