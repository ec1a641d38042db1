using System.Formats.Tar;
using Laptime.Foundations;
using Laptime.Targets.Docker;

namespace Laptime.Recipes.Swarm;

/// <summary>Files of a stack's volumes, through the archive calls of a container that has the volume; where none does, one is made for it that never starts.</summary>
internal sealed class StackVolumes(EngineClient engine, string stack)
{
    private const string HelperPath = "/volume";

    /// <summary>Writes a tar, paths relative to the volume.</summary>
    public Task PutAsync(string volume, Stream tar, CancellationToken cancel) =>
        WithAsync(volume, write: true, (container, folder) => engine.WriteArchiveAsync(container, folder, tar, cancel), cancel);

    /// <summary>Reads a volume, or these paths of it, as one tar with paths relative to the volume.</summary>
    /// <exception cref="FaultException">A path is not there.</exception>
    public Task GetAsync(string volume, IReadOnlyList<string>? paths, Stream tar, CancellationToken cancel) => WithAsync(volume, write: false, async (container, folder) =>
    {
        await using var writer = new TarWriter(tar, TarEntryFormat.Pax, leaveOpen: true);
        foreach (var path in paths ?? [""])
        {
            var relative = path.Trim('/');
            await CopyAsync(container, relative.Length == 0 ? folder + "/." : $"{folder}/{relative}", relative, writer, volume, cancel);
        }
    }, cancel);

    /// <summary>Removes one file or folder; nothing when there is none.</summary>
    public Task DeleteAsync(string volume, string path, CancellationToken cancel) => WithAsync(volume, write: true, async (container, folder) =>
    {
        var ended = await engine.ExecAsync(container, ["rm", "-rf", "--", $"{folder}/{path.Trim('/')}"], new ExecOptions { User = "0" }, null, cancel);
        if (ended.ExitCode != 0)
        {
            throw Failed($"`rm` of {path} in the volume {volume} ended with {ended.ExitCode}", [.. ended.Output.Select(static l => l.Text)]);
        }
    }, cancel, running: true);

    private static FaultException Failed(string what, IReadOnlyList<string>? tail = null) => new(new Fault(Outcome.TierFailed, what, null, null, tail));

    private async Task CopyAsync(string container, string at, string relative, TarWriter writer, string volume, CancellationToken cancel)
    {
        HttpResponseMessage answer;
        try
        {
            answer = await engine.OpenAsync(HttpMethod.Get, $"/containers/{EngineClient.Escape(container)}/archive?path={EngineClient.Escape(at)}", null, null, cancel);
        }
        catch (EngineException e) when (e.Error == EngineError.NotFound)
        {
            throw Failed($"the volume {volume} has no `{relative}`");
        }

        using (answer)
        {
            await using var stream = await answer.Content.ReadAsStreamAsync(cancel);
            await using var reader = new TarReader(stream);
            while (await reader.GetNextEntryAsync(copyData: false, cancel) is { } entry)
            {
                // The engine begins names with the last part of what was asked for.
                var name = Below(entry.Name, relative);
                if (name.Length > 0)
                {
                    entry.Name = name;
                    if (entry.EntryType == TarEntryType.HardLink)
                    {
                        entry.LinkName = Below(entry.LinkName, relative);
                    }

                    await writer.WriteEntryAsync(entry, cancel);
                }
            }
        }
    }

    private static string Below(string name, string relative)
    {
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        var rest = slash < 0 ? "" : name[(slash + 1)..];
        return relative.Length == 0 ? rest : rest.Length == 0 ? (slash < 0 ? relative : relative + "/") : $"{relative}/{rest}";
    }

    private async Task WithAsync(string volume, bool write, Func<string, string, Task> use, CancellationToken cancel, bool running = false)
    {
        var containers = await engine.ContainersOfVolumeAsync(volume, cancel);
        foreach (var one in containers.Where(static c => c.State == "running").OrderByDescending(static c => c.Created))
        {
            if (one.Mounts?.FirstOrDefault(m => m.Name == volume && (m.RW || !write)) is { Destination: { } folder })
            {
                await use(one.Id, folder.TrimEnd('/'));
                return;
            }
        }

        // Any image that is here will do: only the volume counts. To run `rm` it has to have that.
        var image = containers.Select(static c => c.ImageID).FirstOrDefault(static i => i is { Length: > 0 }) ?? (await AnyImageAsync(cancel));
        var helper = await engine.CreateContainerAsync($"{stack}-volume-{Guid.NewGuid():n}", new ContainerCreate
        {
            Image = image, Entrypoint = ["sleep"], Cmd = ["3600"], Labels = new Dictionary<string, string> { [SwarmPlaces.Namespace] = stack },
            HostConfig = new HostConfig { Mounts = [new Mount("volume", volume, HelperPath, ReadOnly: false)], NetworkMode = "none" },
        }, cancel);
        try
        {
            if (running)
            {
                await engine.StartContainerAsync(helper, cancel);
            }

            await use(helper, HelperPath);
        }
        finally
        {
            await engine.RemoveContainerAsync(helper, force: true, CancellationToken.None);
        }
    }

    private async Task<string> AnyImageAsync(CancellationToken cancel) =>
        (await engine.ListImagesAsync("*", cancel)) is [var first, ..] ? first.Id : throw Failed("no image is here to read the volume with");
}
