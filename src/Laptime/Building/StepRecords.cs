using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Foundations;

namespace Laptime.Building;

/// <summary>A file or folder a step left.</summary>
internal sealed record Trace(string Path, FileStamp Stamp);

/// <summary>That a step succeeded with these inputs, and what it left on disk.</summary>
/// <param name="Key">Of everything that decides the step.</param>
/// <param name="SharedKey">The same without the profile's name: equal in two profiles when the step does the same in both.</param>
/// <param name="Witnesses">Must still be the same entries.</param>
/// <param name="Products">Declared outputs it wrote: must be untouched.</param>
/// <param name="Ended">When the run that made it ended; null in records of older versions.</param>
/// <param name="Seconds">How long that run took.</param>
internal sealed record StepRecord(int Version, string Key, string SharedKey, IReadOnlyList<Trace> Witnesses, IReadOnlyList<Trace> Products,
    DateTimeOffset? Ended = null, double Seconds = 0)
{
    public const int CurrentVersion = 1;
}

/// <summary>
/// The steps' own caches of one component: <c>.laptime/steps/PROFILE/COMPONENT/STEP</c>, and beside the profiles
/// <c>last/COMPONENT/STEP</c> with the shared key of whatever ran the step last. Profiles share the folders on disk, so a record is only good
/// while no other profile ran the step with another effect since; and a step that was killed half-way has no "last" at all.
/// </summary>
internal sealed class StepRecords
{
    private readonly string own;
    private readonly string last;

    public StepRecords(string folder, string? profile, string component)
    {
        // A leading '=' cannot begin a profile's folder, so no profile meets "last" or "none".
        own = Path.Combine(folder, profile is null ? "=none" : SafeName(profile), SafeName(component));
        last = Path.Combine(folder, "=last", SafeName(component));
        Directory.CreateDirectory(own);
        Directory.CreateDirectory(last);
        var salt = Path.Combine(folder, "=salt");
        if (!File.Exists(salt))
        {
            AtomicFile.Write(salt, RandomNumberGenerator.GetBytes(32), mode: UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        Salt = File.ReadAllBytes(salt);
    }

    /// <summary>Keys are hashed with it: they cover values that may be secrets, and must not serve to guess them.</summary>
    public byte[] Salt { get; }

    /// <summary>A record whose step need not run for this key; null when there is none. Does not look at the traces.</summary>
    public StepRecord? Find(string step, StepKey key) =>
        Read(step) is { } record && record.Key == key.Key && record.SharedKey == key.SharedKey && LastOf(step) == key.SharedKey ? record : null;

    /// <summary>The record as it is, whatever it was made for.</summary>
    public StepRecord? Read(string step)
    {
        var file = Path.Combine(own, SafeName(step));
        if (!File.Exists(file))
        {
            return null;
        }

        try
        {
            var record = JsonSerializer.Deserialize(File.ReadAllBytes(file), StepJson.Default.StepRecord);
            return record is { Version: StepRecord.CurrentVersion } ? record : null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or JsonException)
        {
            return null;
        }
    }

    /// <summary>The step is about to run: until it succeeds nothing is known of it, in any profile.</summary>
    public void Forget(string step)
    {
        File.Delete(Path.Combine(last, SafeName(step)));
        File.Delete(Path.Combine(own, SafeName(step)));
    }

    public void Write(string step, StepRecord record)
    {
        AtomicFile.Write(Path.Combine(own, SafeName(step)), JsonSerializer.SerializeToUtf8Bytes(record, StepJson.Default.StepRecord), durable: false);
        AtomicFile.Write(Path.Combine(last, SafeName(step)), record.SharedKey, durable: false);
    }

    private string? LastOf(string step) =>
        Path.Combine(last, SafeName(step)) is var path && File.Exists(path) ? File.ReadAllText(path) : null;

    /// <summary>A name as one file's name, one to one.</summary>
    public static string SafeName(string name)
    {
        var safe = Uri.EscapeDataString(name);
        return safe.StartsWith('.') ? "%2E" + safe[1..] : safe;
    }
}

/// <summary>Both keys, as hexadecimal text.</summary>
internal readonly record struct StepKey(string Key, string SharedKey);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(StepRecord))]
internal sealed partial class StepJson : JsonSerializerContext;
