using System.Formats.Tar;
using System.Text;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Recipes;

/// <summary>Writes small items into a deployment, and reads them again: by them it shows whether data survived an upgrade and came back by a restore.</summary>
public abstract class Seeder
{
    /// <summary>For people: "a marker file in the volume data", "a table in PostgreSQL (db)".</summary>
    public abstract string Name { get; }

    /// <summary>Volumes that hold the items; empty: nobody knows.</summary>
    public virtual IReadOnlyList<string> Volumes => [];

    /// <summary>Writes items, by name, over those that are there.</summary>
    /// <exception cref="FaultException">They cannot be written.</exception>
    public abstract Task PutAsync(IReadOnlyDictionary<string, string> items, CancellationToken cancel);

    /// <summary>Those of these items that are there. All at once: each look costs a program's start in a container.</summary>
    /// <exception cref="FaultException">They cannot be read.</exception>
    public abstract Task<IReadOnlyDictionary<string, string>> GetAsync(IReadOnlyCollection<string> names, CancellationToken cancel);

    /// <summary>Removes an item; false: it has no way to.</summary>
    public abstract Task<bool> DeleteAsync(string name, CancellationToken cancel);
}

/// <summary>A marker file, through the archive of the volume: needs no knowledge of the recipe.</summary>
internal sealed class VolumeSeeder(RecipeDriver driver, string volume) : Seeder
{
    public override string Name => $"a marker file in the volume {volume}";

    public override IReadOnlyList<string> Volumes => [volume];

    public static string FileOf(string name) => $"laptime-seed-{name}.txt";

    public override async Task PutAsync(IReadOnlyDictionary<string, string> items, CancellationToken cancel)
    {
        using var tar = new MemoryStream();
        await using (var writer = new TarWriter(tar, TarEntryFormat.Pax, leaveOpen: true))
        {
            foreach (var (name, value) in items)
            {
                await writer.WriteEntryAsync(
                    new PaxTarEntry(TarEntryType.RegularFile, FileOf(name))
                    {
                        DataStream = new MemoryStream(Encoding.UTF8.GetBytes(value)), Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
                    },
                    cancel);
            }
        }

        tar.Position = 0;
        await driver.PutAsync(volume, tar, cancel);
    }

    public override async Task<IReadOnlyDictionary<string, string>> GetAsync(IReadOnlyCollection<string> names, CancellationToken cancel)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            if (await GetAsync(name, cancel) is { } value)
            {
                found.Add(name, value);
            }
        }

        return found;
    }

    public override async Task<bool> DeleteAsync(string name, CancellationToken cancel)
    {
        await driver.DeleteAsync(volume, FileOf(name), cancel);
        return true;
    }

    private async Task<string?> GetAsync(string name, CancellationToken cancel)
    {
        using var tar = new MemoryStream();
        try
        {
            await driver.GetAsync(volume, [FileOf(name)], tar, cancel);
        }
        catch (FaultException)
        {
            // No such file; whether the volume can be read at all shows by the others.
            return null;
        }

        tar.Position = 0;
        await using var reader = new TarReader(tar);
        while (await reader.GetNextEntryAsync(copyData: false, cancel) is { } entry)
        {
            if (entry.DataStream is { } data && Path.GetFileName(entry.Name) == FileOf(name))
            {
                using var text = new StreamReader(data);
                return await text.ReadToEndAsync(cancel);
            }
        }

        return null;
    }
}

/// <summary>The recipe's own programs (`seed:` in recipe.yaml).</summary>
internal sealed class ScriptSeeder(RecipeSeed seed, Func<string, IReadOnlyList<string>, CancellationToken, Task<(ProcessResult Result, IReadOnlyList<string> Output)>> run) : Seeder
{
    public override string Name => $"items by {Path.GetFileName(seed.Put)}";

    public override async Task PutAsync(IReadOnlyDictionary<string, string> items, CancellationToken cancel)
    {
        foreach (var (name, value) in items)
        {
            Require(await run(seed.Put, [name, value], cancel), seed.Put);
        }
    }

    public override async Task<IReadOnlyDictionary<string, string>> GetAsync(IReadOnlyCollection<string> names, CancellationToken cancel)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            var (result, output) = await run(seed.Get, [name], cancel);
            var value = string.Join('\n', output).Trim();
            if (result.Succeeded && value.Length > 0)
            {
                found.Add(name, value);
            }
        }

        return found;
    }

    public override async Task<bool> DeleteAsync(string name, CancellationToken cancel)
    {
        if (seed.Delete is not { } program)
        {
            return false;
        }

        Require(await run(program, [name], cancel), program);
        return true;
    }

    private static void Require((ProcessResult Result, IReadOnlyList<string> Output) end, string program)
    {
        if (!end.Result.Succeeded)
        {
            throw new FaultException(new Fault(Outcome.TierFailed, $"the seed program {Path.GetFileName(program)}: {end.Result.Ending}", program, "run it by hand against the deployment: lap test --keep", end.Result.Tail));
        }
    }
}
