import type { ReactNode } from 'react';
import { Dialog as AriaDialog } from 'react-aria-components/Dialog';
import { Heading } from 'react-aria-components/Heading';
import { Modal, ModalOverlay } from 'react-aria-components/Modal';
import { Button } from './button.js';
import { useTexts } from './language.js';

/** A dialog above the page. It keeps the focus, and gives it back when it is closed. */
export function Dialog({
  title,
  onClose,
  children,
  isAlert = false,
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
  /** Whether it interrupts: then only its buttons close it. */
  readonly isAlert?: boolean;
}): ReactNode {
  return (
    <ModalOverlay
      isOpen
      isDismissable={!isAlert}
      onOpenChange={(isOpen) => {
        if (!isOpen) onClose();
      }}
      className="overlay"
    >
      <Modal className="modal">
        <AriaDialog role={isAlert ? 'alertdialog' : 'dialog'} className="dialog">
          <Heading slot="title">{title}</Heading>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}

/** Asks before something is done that cannot be undone. */
export function Confirm({
  title,
  children,
  action,
  isBusy = false,
  onConfirm,
  onClose,
}: {
  readonly title: string;
  readonly children: ReactNode;
  /** What the button says: what is done. */
  readonly action: string;
  readonly isBusy?: boolean;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}): ReactNode {
  const texts = useTexts();
  return (
    <Dialog title={title} onClose={onClose} isAlert>
      {children}
      <div className="actions">
        <Button onClick={onClose}>{texts.kit.cancel}</Button>
        <Button kind="danger" onClick={onConfirm} disabled={isBusy}>
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
