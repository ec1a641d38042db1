using System.Formats.Tar;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Laptime.Artifacts;
using Laptime.Building;

namespace Laptime.Tests.Artifacts;

public sealed class TarWriterTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private sealed record Wanted(string Path, string Content, bool Executable, string? Link);

    private static readonly Gen<string> Name = Gen.OneOf(
        Gen.Elements("a", "b c", "ü", "日本", "-x", "😀", ".hidden", "e.", "A"),
        Gen.Choose(1, 120).Select(n => new string('n', n)), Gen.Choose(1, 60).Select(n => new string('ж', n)));

    private static readonly Gen<string> Path = Name.NonEmptyListOf().Select(parts => string.Join('/', parts.Take(6)));

    private static readonly Gen<Wanted> File =
        from path in Path
        from content in Gen.OneOf(Gen.Constant(""), Gen.Choose(0, 3000).Select(n => new string('c', n)))
        from executable in Gen.Elements(true, false)
        from link in Gen.Frequency((4, Gen.Constant<string?>(null)), (1, Name.Select(n => (string?)n)))
        select new Wanted(path, content, executable, link);

    /// <summary>No path twice, none that is another one's folder.</summary>
    private static readonly Gen<List<Wanted>> Files = File.ListOf().Select(files =>
    {
        List<Wanted> kept = [];
        foreach (var file in files.Where(f => kept.All(k => k.Path != f.Path
            && !k.Path.StartsWith(f.Path + "/", StringComparison.Ordinal) && !f.Path.StartsWith(k.Path + "/", StringComparison.Ordinal))))
        {
            kept.Add(file);
        }

        return kept;
    });

    [Fact]
    public void Every_file_comes_back_and_the_bytes_depend_on_nothing_else() =>
        Prop.ForAll(Files.ToArbitrary(), files =>
        {
            var first = Write(files, "one");
            // Other order, other place, other times.
            var second = Write([.. files.AsEnumerable().Reverse()], "two");
            Assert.Equal(first, second);
            Assert.Equal(files.OrderBy(f => f.Path, StringComparer.Ordinal).Select(f => f with { Content = f.Link is null ? f.Content : "", Executable = f.Executable && f.Link is null }), Read(first));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_long_path_keeps_its_folders_beside_a_link_that_needs_a_header_of_its_own()
    {
        var path = ".hidden/" + new string('n', 95);
        Assert.Equal([new Wanted(path, "", false, "ж")], Read(Write([new(path, "", false, "ж")], "one")));
    }

    [Fact]
    public async Task What_is_packed_is_unpacked_the_same()
    {
        var tar = new MemoryStream(Write([new("d/a", "1", true, null), new("d/l", "", false, "a"), new("e", "", false, null)], "one"));
        var target = folder.At("target");
        Directory.CreateDirectory(target);
        await TarUnpacker.UnpackAsync(tar, target, TestContext.Current.CancellationToken);
        Assert.Equal("1", System.IO.File.ReadAllText(System.IO.Path.Combine(target, "d", "l")));
    }

    [Fact]
    public void A_line_break_is_kept_in_a_plain_name_and_refused_where_readers_would_stumble()
    {
        Assert.Equal("a\nb", Read(Write([new("a\nb", "1", false, null)], "one"))[0].Path);
        Assert.Throws<Laptime.Foundations.FaultException>(() => Write([new("ü\nb", "1", false, null)], "two"));
        Assert.Throws<Laptime.Foundations.FaultException>(() => Write([new("l", "1", false, "a\nb")], "three"));
    }

    private byte[] Write(List<Wanted> files, string place)
    {
        var i = 0;
        var outputs = files.Select(f =>
        {
            var source = folder.File($"{place}/{i++}", f.Content);
            System.IO.File.SetLastWriteTimeUtc(source, new DateTime(2000, 1, 1, 0, 0, i % 60, DateTimeKind.Utc));
            return new OutputFile(f.Path, source, f.Executable, f.Link);
        }).ToList();
        var tar = new MemoryStream();
        TarWriterTask(outputs, tar).GetAwaiter().GetResult();
        return tar.ToArray();
    }

    private static Task TarWriterTask(List<OutputFile> outputs, Stream tar) => Laptime.Artifacts.TarWriter.WriteAsync(outputs, tar, CancellationToken.None);

    /// <summary>With the framework's reader, which knows nothing of ours.</summary>
    private static List<Wanted> Read(byte[] tar)
    {
        List<Wanted> found = [];
        using var reader = new TarReader(new MemoryStream(tar));
        while (reader.GetNextEntry() is { } entry)
        {
            Assert.Equal((0, 0, DateTimeOffset.UnixEpoch), (entry.Uid, entry.Gid, entry.ModificationTime));
            var link = entry.EntryType is TarEntryType.SymbolicLink;
            found.Add(new Wanted(entry.Name, entry.DataStream is { } data ? new StreamReader(data, Encoding.UTF8).ReadToEnd() : "",
                !link && entry.Mode.HasFlag(UnixFileMode.UserExecute), link ? entry.LinkName : null));
        }

        return found;
    }
}
