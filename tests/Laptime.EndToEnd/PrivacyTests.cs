using Laptime.EndToEnd.Harness;

namespace Laptime.EndToEnd;

/// <summary>Another user of the same machine.</summary>
public sealed class PrivacyTests
{
    [Fact]
    public async Task What_lap_keeps_is_closed_to_other_users_also_where_the_folder_was_open_before()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "no Unix modes");
        await using var workspace = await LapWorkspace.OfAsync(LittleServer.Yaml("web", Ports.Free()));
        await workspace.RunAsync("mkdir", "-m", "0777", ".laptime");
        await workspace.DeployAsync();
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(workspace.At(".laptime")));
        }

        string[] kept = [".laptime/journal.db", ".laptime/env/local/state.json", ".laptime/run/agent.sock", ".laptime/run/agent.json", ".laptime/run/instances.json", .. Directory.GetFiles(workspace.At(".laptime/reports"))];
        Assert.True(kept.Length > 6);
        Assert.All(kept, file => Assert.True(Path.Exists(Path.Combine(workspace.Root, file)), file));
        if (Environment.UserName != "root" || !File.Exists("/usr/bin/setpriv"))
        {
            return;
        }

        // Every folder above is opened, so that it is .laptime that keeps the other one out.
        await workspace.RunAsync("chmod", "o+x", ".", "..");
        foreach (var file in kept)
        {
            Assert.Equal("no", (await workspace.RunAsync("sh", "-c", "if setpriv --reuid=65534 --regid=65534 --clear-groups test -e \"$1\"; then echo yes; else echo no; fi", "sh", file)).Trim());
        }

        Assert.Equal("yes", (await workspace.RunAsync("sh", "-c", "if setpriv --reuid=65534 --regid=65534 --clear-groups test -e laptime.yaml; then echo yes; else echo no; fi")).Trim());
    }
}
