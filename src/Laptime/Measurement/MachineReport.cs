using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;

namespace Laptime.Measurement;

/// <summary>
/// What kind of machine something was measured on. Two machines of one kind have one id (a pool of build machines); whether this one was as fast as it was
/// yesterday is what calibration tells.
/// </summary>
/// <param name="Id">A hash of the rest: 12 hex digits.</param>
/// <param name="Cpu">The processor's model, as the system names it.</param>
/// <param name="Cores">Cores that this process may use.</param>
/// <param name="MemoryGiB">Memory that this process may use, in whole GiB.</param>
/// <param name="Os">Operating system and architecture.</param>
public sealed record MachineReport(string Id, string Cpu, int Cores, long MemoryGiB, string Os)
{
    private const string CpuFile = "/proc/cpuinfo";

    /// <summary>In one line: <c>Xeon E5-2690, 8 cores, 32 GiB, Debian 13 x64</c>.</summary>
    [JsonIgnore]
    public string Text => string.Create(CultureInfo.InvariantCulture, $"{Cpu}, {Cores} {(Cores == 1 ? "core" : "cores")}, {MemoryGiB} GiB, {Os}");

    /// <summary>This machine, read from the system.</summary>
    public static MachineReport Here() => Of(
        CpuModel(), Environment.ProcessorCount, (long)Math.Round(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024.0 * 1024 * 1024)),
        $"{RuntimeInformation.OSDescription.Trim()} {RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant()}");

    public static MachineReport Of(string cpu, int cores, long memoryGiB, string os)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{cpu}\n{cores}\n{memoryGiB}\n{os}")));
        return new MachineReport(Convert.ToHexStringLower(hash)[..12], cpu, cores, memoryGiB, os);
    }

    private static string CpuModel()
    {
        if (OperatingSystem.IsLinux() && File.Exists(CpuFile))
        {
            foreach (var line in File.ReadLines(CpuFile))
            {
                // Elsewhere than on x86 the kernel names no model.
                if (line.StartsWith("model name", StringComparison.Ordinal) && line.IndexOf(':') is > 0 and var colon)
                {
                    return line[(colon + 1)..].Trim();
                }
            }
        }

        return Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") is { Length: > 0 } windows
            ? windows
            : RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
    }
}
