// A pseudo terminal: opened, sized, and set as the client's own terminal is set (RFC 4254 section 8).
#ifndef CONVERGE_TERMINAL_H_
#define CONVERGE_TERMINAL_H_

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

// Some C libraries leave these out of strict modes; the numbers are the kernel's.
#ifndef IUCLC
#define IUCLC 0001000
#endif
#ifndef OLCUC
#define OLCUC 0000002
#endif
#ifndef XCASE
#define XCASE 0000004
#endif

struct Terminal {
  int master;
  // The same again, for a reader that closes what it has when the program closes its side.
  int reader;
  int slave;
  char name[64];
};

// The opcode of a control character and its place in c_cc; its value 255 switches it off.
struct TerminalCharacter {
  uint32_t opcode;
  int index;
};

static const struct TerminalCharacter TERMINAL_CHARACTERS[] = {
    {1, VINTR},  {2, VQUIT},   {3, VERASE},   {4, VKILL},   {5, VEOF},   {6, VEOL},  {7, VEOL2},
    {8, VSTART}, {9, VSTOP},   {10, VSUSP},   {12, VREPRINT}, {13, VWERASE}, {14, VLNEXT}, {16, VSWTC},
    {18, VDISCARD},
};
static const uint32_t TERMINAL_CHARACTER_OFF = 255;

// The opcode of a flag, the field of struct termios that has it, and its bits there.
struct TerminalFlag {
  uint32_t opcode;
  tcflag_t termios::* field;
  tcflag_t bits;
};

static const struct TerminalFlag TERMINAL_FLAGS[] = {
    {30, &termios::c_iflag, IGNPAR},  {31, &termios::c_iflag, PARMRK},  {32, &termios::c_iflag, INPCK},
    {33, &termios::c_iflag, ISTRIP},  {34, &termios::c_iflag, INLCR},   {35, &termios::c_iflag, IGNCR},
    {36, &termios::c_iflag, ICRNL},   {37, &termios::c_iflag, IUCLC},   {38, &termios::c_iflag, IXON},
    {39, &termios::c_iflag, IXANY},   {40, &termios::c_iflag, IXOFF},   {41, &termios::c_iflag, IMAXBEL},
    {42, &termios::c_iflag, IUTF8},   {50, &termios::c_lflag, ISIG},    {51, &termios::c_lflag, ICANON},
    {52, &termios::c_lflag, XCASE},   {53, &termios::c_lflag, ECHO},    {54, &termios::c_lflag, ECHOE},
    {55, &termios::c_lflag, ECHOK},   {56, &termios::c_lflag, ECHONL},  {57, &termios::c_lflag, NOFLSH},
    {58, &termios::c_lflag, TOSTOP},  {59, &termios::c_lflag, IEXTEN},  {60, &termios::c_lflag, ECHOCTL},
    {61, &termios::c_lflag, ECHOKE},  {62, &termios::c_lflag, PENDIN},  {70, &termios::c_oflag, OPOST},
    {71, &termios::c_oflag, OLCUC},   {72, &termios::c_oflag, ONLCR},   {73, &termios::c_oflag, OCRNL},
    {74, &termios::c_oflag, ONOCR},   {75, &termios::c_oflag, ONLRET},  {90, &termios::c_cflag, CS7},
    {91, &termios::c_cflag, CS8},     {92, &termios::c_cflag, PARENB},  {93, &termios::c_cflag, PARODD},
};

static const uint32_t TERMINAL_INPUT_SPEED = 128;
static const uint32_t TERMINAL_OUTPUT_SPEED = 129;

struct TerminalSpeed {
  uint32_t bits_per_second;
  speed_t speed;
};

static const struct TerminalSpeed TERMINAL_SPEEDS[] = {
    {0, B0},           {50, B50},         {75, B75},         {110, B110},       {134, B134},
    {150, B150},       {200, B200},       {300, B300},       {600, B600},       {1200, B1200},
    {1800, B1800},     {2400, B2400},     {4800, B4800},     {9600, B9600},     {19200, B19200},
    {38400, B38400},   {57600, B57600},   {115200, B115200}, {230400, B230400}, {460800, B460800},
    {500000, B500000}, {921600, B921600}, {1000000, B1000000}, {1500000, B1500000}, {2000000, B2000000},
    {3000000, B3000000}, {4000000, B4000000},
};

// As in sshd, a speed that the kernel has no name for is 9600.
static inline speed_t terminal_speed(uint32_t bits_per_second) {
  for (const TerminalSpeed& entry : TERMINAL_SPEEDS) {
    if (entry.bits_per_second == bits_per_second) return entry.speed;
  }
  return B9600;
}

// One mode; an opcode that is not known means nothing.
static inline void terminal_set_mode(struct termios* settings, uint32_t opcode, uint32_t value) {
  if (opcode == TERMINAL_INPUT_SPEED) cfsetispeed(settings, terminal_speed(value));
  if (opcode == TERMINAL_OUTPUT_SPEED) cfsetospeed(settings, terminal_speed(value));
  for (const TerminalCharacter& entry : TERMINAL_CHARACTERS) {
    if (entry.opcode != opcode) continue;
    settings->c_cc[entry.index] = value == TERMINAL_CHARACTER_OFF ? _POSIX_VDISABLE : (cc_t)value;
  }
  for (const TerminalFlag& entry : TERMINAL_FLAGS) {
    if (entry.opcode != opcode) continue;
    if (value != 0) settings->*entry.field |= entry.bits;
    else settings->*entry.field &= ~entry.bits;
  }
}

// 0, or an errno.
static inline int terminal_resize(int fd, int columns, int rows) {
  struct winsize size = {};
  size.ws_col = (unsigned short)columns;
  size.ws_row = (unsigned short)rows;
  return ioctl(fd, TIOCSWINSZ, &size) == 0 ? 0 : errno;
}

// The other side of a master; where /dev/pts is not where it should be, from the kernel without a path (Linux 4.13).
static inline int terminal_open_slave(int master, const char* name) {
  int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
#ifdef TIOCGPTPEER
  if (slave < 0) slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
#endif
  return slave;
}

// `modes` is `count` pairs of opcode and value, for what begins as the kernel's defaults with a line of UTF-8. 0, or an errno.
static inline int terminal_open(struct Terminal* terminal, int columns, int rows, const uint32_t* modes, size_t count) {
  int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (master < 0) return errno;
  int slave = -1;
  int unlock = 0;
  unsigned int number = 0;
  struct termios settings;
  if (ioctl(master, TIOCSPTLCK, &unlock) == 0 && ioctl(master, TIOCGPTN, &number) == 0) {
    snprintf(terminal->name, sizeof terminal->name, "/dev/pts/%u", number);
    slave = terminal_open_slave(master, terminal->name);
  }
  int failure = slave < 0 || tcgetattr(slave, &settings) != 0 ? errno : 0;
  if (failure == 0) {
    settings.c_iflag |= IUTF8;
    for (size_t index = 0; index < count; index++) {
      terminal_set_mode(&settings, modes[2 * index], modes[2 * index + 1]);
    }
    // As in sshd, a setting that the kernel does not take is no reason to have no terminal.
    tcsetattr(slave, TCSANOW, &settings);
    failure = terminal_resize(slave, columns, rows);
  }
  int reader = failure == 0 ? fcntl(master, F_DUPFD_CLOEXEC, 0) : -1;
  if (failure == 0 && reader < 0) failure = errno;
  if (failure != 0) {
    if (slave >= 0) close(slave);
    close(master);
    return failure;
  }
  terminal->master = master;
  terminal->reader = reader;
  terminal->slave = slave;
  return 0;
}

#endif
