using Laptime.Foundations;
using Laptime.Measurement;
using Laptime.Processes;

namespace Laptime.Tests.Measurement;

public sealed class UndoTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly UndoLog undo;
    private readonly string path;
    private readonly ProcessRunner runner = new(TimeProvider.System);

    public UndoTests()
    {
        undo = new UndoLog(folder.Path);
        path = Path.Combine(folder.Path, "a.cs");
        File.WriteAllText(path, "class A;\n");
        File.SetLastWriteTimeUtc(path, new DateTime(2020, 1, 2, 3, 4, 5, DateTimeKind.Utc).AddTicks(1234567));
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    public void Dispose() => folder.Dispose();

    private FileEdit Edit(string? with = null) => new(folder.Path, undo, "bl-1", "a.cs", with, runner);

    [Fact]
    public async Task An_edit_changes_the_content_keeps_the_mode_and_is_undone_to_the_same_file()
    {
        var before = Facts();
        var edit = Edit();
        for (var run = 0; run < 3; run++)
        {
            await edit.ApplyAsync(CancellationToken.None);
            Assert.NotEqual("class A;\n", File.ReadAllText(path));
            Assert.StartsWith("class A;\n", File.ReadAllText(path));
            Assert.Equal(before.Mode, Facts().Mode);
            Assert.True(DateTime.UtcNow - File.GetLastWriteTimeUtc(path) < TimeSpan.FromMinutes(1));
            Assert.Empty(edit.Undo());
            Assert.Equal(before, Facts());
        }

        Assert.False(UndoLog.IsPending(folder.Path));
        Assert.Empty(Directory.GetFiles(undo.Folder));
    }

    [Fact]
    public async Task What_a_dead_recorder_left_is_undone_at_whatever_point_it_died()
    {
        var before = Facts();
        var saved = Path.Combine(undo.Folder, "original");
        var dead = ProcessOwner.Current() with { StartTicks = 1 };
        var document = new UndoDocument("bl-1", dead, [new UndoStep(UndoStep.Replaced, "a.cs", saved, UndoLog.HashOf("edited"u8))]);

        // Announced, and no more.
        undo.Announce(document);
        Assert.Empty(await undo.UndoAbandonedAsync(TimeProvider.System, CancellationToken.None));
        Assert.Equal(before, Facts());
        Assert.False(UndoLog.IsPending(folder.Path));

        // The original has its second name, and the edit is not in place.
        undo.Announce(document);
        HardLink.Create(path, saved);
        Assert.Contains("a.cs is as it was", Assert.Single(await undo.UndoAbandonedAsync(TimeProvider.System, CancellationToken.None)));
        Assert.Equal(before, Facts());
        Assert.False(File.Exists(saved));

        // Edited.
        undo.Announce(document);
        HardLink.Create(path, saved);
        File.WriteAllText(path + ".new", "edited");
        File.Move(path + ".new", path, overwrite: true);
        Assert.Single(await undo.UndoAbandonedAsync(TimeProvider.System, CancellationToken.None));
        Assert.Equal(before, Facts());

        // Put back, and the note of it not yet deleted.
        undo.Announce(document);
        Assert.Empty(await undo.UndoAbandonedAsync(TimeProvider.System, CancellationToken.None));
        Assert.Equal(before, Facts());
    }

    [Fact]
    public async Task What_a_living_recorder_works_on_is_left_alone()
    {
        await Edit().ApplyAsync(CancellationToken.None);
        var edited = File.ReadAllText(path);
        Assert.Empty(await undo.UndoAbandonedAsync(TimeProvider.System, CancellationToken.None));
        Assert.Equal(edited, File.ReadAllText(path));
    }

    [Fact]
    public async Task What_something_else_wrote_over_the_edit_is_kept_and_told()
    {
        var before = Facts();
        var edit = Edit();
        await edit.ApplyAsync(CancellationToken.None);
        File.WriteAllText(path, "class B;\n");
        var said = Assert.Single(edit.Undo());
        Assert.Contains("that version is kept", said);
        Assert.Equal(before, Facts());
        Assert.Equal("class B;\n", File.ReadAllText(Assert.Single(Directory.GetFiles(undo.Folder))));
    }

    [Fact]
    public async Task The_users_own_edit_has_to_change_the_file_and_is_undone_whatever_it_did()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("a shell of Unix");
        }

        var before = Facts();
        var edit = Edit("echo changed >> \"$LAPTIME_EDIT_PATH\"");
        await edit.ApplyAsync(CancellationToken.None);
        Assert.Equal("class A;\nchanged\n", File.ReadAllText(path));
        Assert.Empty(edit.Undo());
        Assert.Equal(before, Facts());

        foreach (var (command, told) in new[] { ("true", "changed nothing"), ("rm a.cs", "removed a.cs"), ("echo no >&2; exit 3", "exit code 3: no") })
        {
            var error = await Assert.ThrowsAsync<LapException>(() => Edit(command).ApplyAsync(CancellationToken.None));
            Assert.Contains(told, error.Message);
            Assert.Equal(before, Facts());
            Assert.False(UndoLog.IsPending(folder.Path));
        }
    }

    [Fact]
    public async Task Caches_are_set_aside_and_come_back_also_after_a_kill()
    {
        Directory.CreateDirectory(Path.Combine(folder.Path, ".laptime", "steps"));
        var file = Path.Combine(folder.Path, ".laptime", "steps", "one");
        var index = Path.Combine(folder.Path, ".laptime", "index");
        var none = Path.Combine(folder.Path, ".laptime", "artifacts");
        File.WriteAllText(file, "step");
        File.WriteAllText(index, "index");
        string[] paths = [Path.GetDirectoryName(file)!, index, none];

        var aside = new CachesAside(undo, "bl-1", paths);
        aside.SetAside();
        Assert.All(paths, p => Assert.False(Path.Exists(p)));
        File.WriteAllText(index, "cold");
        aside.Clear();
        Assert.False(File.Exists(index));
        File.WriteAllText(index, "cold again");
        aside.PutBack();
        Assert.Equal(("step", "index"), (File.ReadAllText(file), File.ReadAllText(index)));
        Assert.False(UndoLog.IsPending(folder.Path));

        // Killed while they were aside.
        aside.SetAside();
        File.WriteAllText(index, "cold");
        var pending = undo.Pending()!;
        undo.Announce(pending with { Owner = pending.Owner with { StartTicks = 1 } });
        Assert.Equal(2, (await undo.UndoAbandonedAsync(TimeProvider.System, CancellationToken.None)).Count);
        Assert.Equal(("step", "index"), (File.ReadAllText(file), File.ReadAllText(index)));
    }

    [Fact]
    public void Only_one_measures_at_a_time()
    {
        using (undo.TryTake())
        {
            Assert.Null(undo.TryTake());
        }

        using var again = undo.TryTake();
        Assert.NotNull(again);
    }

    private (string Content, DateTime Written, UnixFileMode Mode) Facts() =>
        (File.ReadAllText(path), File.GetLastWriteTimeUtc(path), OperatingSystem.IsWindows() ? UnixFileMode.None : File.GetUnixFileMode(path));
}
